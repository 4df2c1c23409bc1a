/* SPDX-License-Identifier: GPL-2.0-or-later */
/* map_rig.h - for the tests of the socketmap: its server, over the ledger of serving.h */
#ifndef MAP_RIG_H
#define MAP_RIG_H

#include "serving.h"
#include "socketmap.h"

static struct fake f;
static struct socketmap *map;

static inline struct socketmap_setup
map_setup(void)
{
	return (struct socketmap_setup){ .path = f.path, .mode = 0660, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.host = { .arg = &f, .ledger = f.ledger, .now = fake_now, .policy_get = fake_policy_get,
		    .policy_put = fake_policy_put } };
}

static inline int
map_start(void **state)
{
	struct socketmap_setup s;
	struct err e = { "" };

	(void)state;
	fake_init(&f, NULL);
	s = map_setup();
	map = socketmap_open(&s, &e);
	if (map != NULL && socketmap_start(map, &e) == 0)
		return 0;
	print_error("%s\n", e.text);
	return -1;
}

static inline int
map_stop(void **state)
{
	(void)state;
	socketmap_close(map);
	fake_done(&f);
	return 0;
}

#define with_map(test) cmocka_unit_test_setup_teardown(test, map_start, map_stop)

#endif
