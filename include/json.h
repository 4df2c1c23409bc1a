/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.h - JSON in and out; json.c is the only user of jansson
 *
 * Objects keep the order in which keys were put.  Text from anywhere may be put: it goes through str_show(), so that
 * what comes out is always valid and harmless to a terminal.  Out of memory ends the process.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

struct json;

#define JSON_TEXT 2048 /* longer text is cut, with "..." at its end */

struct json *json_new(void);  /* {} */
struct json *json_list(void); /* [] */
void json_free(struct json *j); /* NULL is fine */

/* Into an object.  json_put() takes over `v`.  STR_NONE and NULL put nothing. */
void json_put(struct json *o, const char *key, struct json *v);
void json_put_text(struct json *o, const char *key, struct str s);
void json_put_cstr(struct json *o, const char *key, const char *s);
void json_put_int(struct json *o, const char *key, int64_t n);
void json_put_bool(struct json *o, const char *key, bool b);
/* To the end of a list.  json_add() takes over `v`. */
void json_add(struct json *list, struct json *v);
void json_add_text(struct json *list, struct str s);

/* NULL and *e when it is not one JSON object, nested no deeper than a few levels, without duplicate keys. */
struct json *json_parse(struct str text, struct err *e);
/* What is there is borrowed.  Absent or of another type: NULL, STR_NONE, `otherwise`. */
struct json *json_get(const struct json *o, const char *key);
struct str json_get_text(const struct json *o, const char *key);
int64_t json_get_int(const struct json *o, const char *key, int64_t otherwise);
bool json_get_bool(const struct json *o, const char *key, bool otherwise);
bool json_has(const struct json *o, const char *key);
/* The same for who prints them: "" and 0 when absent. */
const char *text_of(const struct json *o, const char *key);
long long number_of(const struct json *o, const char *key);
/* Lists. */
size_t json_count(const struct json *list);
struct json *json_at(const struct json *list, size_t i);
struct str json_text(const struct json *v);
/* The keys of an object, in order; false at the end.  *at is NULL first. */
bool json_next(const struct json *o, void **at, const char **key, struct json **v);
bool json_is_text(const struct json *v);
int64_t json_number(const struct json *v, int64_t otherwise);

/* One line without a newline or NUL.  Returns the length; more than `size` means that it did not fit. */
size_t json_write(const struct json *j, char *buf, size_t size);

#endif
