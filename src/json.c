/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.c - see json.h.  A struct json is a json_t under another name. */
#include "json.h"

#include <jansson.h>

#define DEPTH_MAX 8

static json_t *
in(const struct json *j)
{
	return (json_t *)j;
}

/* jansson says NULL for want of memory: what we put in is always well-formed. */
static json_t *
must(json_t *j)
{
	if (j == NULL)
		panic("json: out of memory or malformed text");
	return j;
}

struct json *
json_new(void)
{
	return (struct json *)must(json_object());
}

struct json *
json_list(void)
{
	return (struct json *)must(json_array());
}

void
json_free(struct json *j)
{
	json_decref(in(j));
}

static json_t *
shown(struct str s)
{
	char buf[JSON_TEXT];

	return must(json_string(str_show(buf, sizeof(buf), s)));
}

static void
put(struct json *o, const char *key, json_t *v)
{
	if (json_object_set_new(in(o), key, v) == -1)
		panic("json: cannot put \"%s\"", key);
}

void
json_put(struct json *o, const char *key, struct json *v)
{
	put(o, key, in(v));
}

void
json_put_text(struct json *o, const char *key, struct str s)
{
	if (s.p != NULL)
		put(o, key, shown(s));
}

void
json_put_cstr(struct json *o, const char *key, const char *s)
{
	json_put_text(o, key, str_of(s));
}

void
json_put_int(struct json *o, const char *key, int64_t n)
{
	put(o, key, must(json_integer(n)));
}

void
json_put_bool(struct json *o, const char *key, bool b)
{
	put(o, key, json_boolean(b));
}

void
json_add(struct json *list, struct json *v)
{
	if (json_array_append_new(in(list), in(v)) == -1)
		panic("json: cannot add to a list");
}

void
json_add_text(struct json *list, struct str s)
{
	json_add(list, (struct json *)shown(s));
}

static bool
too_deep(const json_t *v, unsigned depth)
{
	const char *key;
	json_t *child;
	size_t i;

	if (!json_is_object(v) && !json_is_array(v))
		return false;
	if (depth == 0)
		return true;
	json_object_foreach((json_t *)v, key, child) {
		if (too_deep(child, depth - 1))
			return true;
	}
	json_array_foreach(v, i, child) {
		if (too_deep(child, depth - 1))
			return true;
	}
	return false;
}

struct json *
json_parse(struct str text, struct err *e)
{
	char shown_text[128];
	json_error_t why;
	json_t *j;

	j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &why);
	if (j == NULL) {
		err_set(e, "column %d: not JSON: %s", why.column,
		    str_show(shown_text, sizeof(shown_text), str_of(why.text)));
		return NULL;
	}
	if (!json_is_object(j))
		err_set(e, "not a JSON object");
	else if (too_deep(j, DEPTH_MAX))
		err_set(e, "JSON nested too deeply");
	else
		return (struct json *)j;
	json_decref(j);
	return NULL;
}

struct json *
json_get(const struct json *o, const char *key)
{
	return (struct json *)json_object_get(in(o), key);
}

struct str
json_text(const struct json *v)
{
	if (!json_is_string(in(v)))
		return STR_NONE;
	return (struct str){ json_string_value(in(v)), json_string_length(in(v)) };
}

struct str
json_get_text(const struct json *o, const char *key)
{
	return json_text(json_get(o, key));
}

int64_t
json_get_int(const struct json *o, const char *key, int64_t otherwise)
{
	return json_number(json_get(o, key), otherwise);
}

const char *
text_of(const struct json *o, const char *key)
{
	struct str s = json_get_text(o, key);

	return s.p != NULL ? s.p : "";
}

long long
number_of(const struct json *o, const char *key)
{
	return (long long)json_get_int(o, key, 0);
}

int64_t
json_number(const struct json *v, int64_t otherwise)
{
	return json_is_integer(in(v)) ? json_integer_value(in(v)) : otherwise;
}

bool
json_get_bool(const struct json *o, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(in(o), key);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

bool
json_has(const struct json *o, const char *key)
{
	return json_get(o, key) != NULL;
}

size_t
json_count(const struct json *list)
{
	return json_array_size(in(list));
}

struct json *
json_at(const struct json *list, size_t i)
{
	return (struct json *)json_array_get(in(list), i);
}

bool
json_next(const struct json *o, void **at, const char **key, struct json **v)
{
	*at = *at == NULL ? json_object_iter(in(o)) : json_object_iter_next(in(o), *at);
	if (*at == NULL)
		return false;
	*key = json_object_iter_key(*at);
	*v = (struct json *)json_object_iter_value(*at);
	return true;
}

bool
json_is_text(const struct json *v)
{
	return json_is_string(in(v));
}

size_t
json_write(const struct json *j, char *buf, size_t size)
{
	return json_dumpb(in(j), buf, size, JSON_COMPACT);
}
