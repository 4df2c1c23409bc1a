/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_maps.c - the relay map as a file: how long until it holds 100,000 grants, and until one more login is in it
 *
 * 1. 100,000 grants in the ledger (every tenth an IPv6 /64), written for the first time, and again after one more login,
 *    in each form; access.db has 20,000 records of the administrator's beside them, and it is told how long sendmail would
 *    have waited for the lock.
 * 2. With the thread running: from pipeline_add() until the file holds the address, one login after the other.
 *
 * usage: bench_maps [GRANTS]
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/mapfile_db.h"
#include "../unit/files.h"
#include "bench.h"
#include "conf.h"
#include "pipeline.h"
#include "relaymap.h"

#define FIXED  20000
#define LOGINS 20

static char dir[64];
static struct ledger *ledger;
static struct pipeline pipeline;
static struct relaymap *rm;

static void
told(void *arg, const struct event *ev, const struct addr *client, unsigned changes)
{
	(void)arg;
	(void)ev;
	(void)changes;
	relaymap_changed(rm, client);
}

static void
settings(enum map_form form)
{
	char path[96];
	struct err e;
	struct conf *c;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/conf", dir);
	f = fopen(path, "w");
	must(f != NULL, path);
	(void)fprintf(f, "relay_map = %s/%s\nrelay_map_form = %s\n", dir, map_form_name(form), map_form_name(form));
	must(fclose(f) == 0, path);
	c = conf_read(path, &e);
	must(c != NULL, "conf_read");
	conf_install(c);
}

static struct addr
nth(unsigned i)
{
	struct addr a = { { [10] = 0xff, [11] = 0xff } };

	if (i % 10 == 0)
		a = (struct addr){ { 0x20, 0x01, 0x0d, 0xb8, [5] = (uint8_t)(i >> 16), [6] = (uint8_t)(i >> 8), [7] = (uint8_t)i } };
	else
		memcpy(a.b + 12, (uint8_t[]){ 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i }, 4);
	return a;
}

static void
login(unsigned i)
{
	struct conf *c = conf_current();
	struct addr a = nth(i);

	(void)pipeline_add(&pipeline, &c->policy, SET_RELAY, &a, time(NULL), 30 * 86400, STR("user"));
	conf_put(c);
}

/* What makemap would have left. */
static void
make_access(void)
{
	char path[96], key[32];
	struct err e;
	struct hash *h;

	(void)snprintf(path, sizeof path, "%s/access.db", dir);
	h = hash_create(path, false, FIXED, &e);
	must(h != NULL, path);
	for (unsigned i = 0; i < FIXED; i++) {
		(void)snprintf(key, sizeof key, "connect:172.16.%u.%u", i / 256, i % 256);
		must(hash_add(h, str_of(key), STR("REJECT"), &e) == HASH_DONE, key);
	}
	must(hash_close(h, &e) == 0, path);
}

static double
processor(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* sendmail at the file's lock, all the time: how long it waited at worst. */
static void *
stand_in_line(void *arg)
{
	static double worst;
	char path[96];
	int fd;

	worst = 0;
	(void)snprintf(path, sizeof path, "%s/access.db", dir);
	fd = open(path, O_RDONLY);
	must(fd != -1, path);
	while (!*(atomic_bool *)arg) {
		double t0 = seconds(), t;

		must(flock(fd, LOCK_SH) == 0, "lock");
		t = seconds() - t0;
		worst = t > worst ? t : worst;
		(void)flock(fd, LOCK_UN);
		usleep(2000);
	}
	close(fd);
	return &worst;
}

static void
first_round(enum map_form form)
{
	pthread_t thread;
	atomic_bool over = false;
	void *worst;

	must(form != MAP_ACCESS || pthread_create(&thread, NULL, stand_in_line, &over) == 0, "thread");
	must(relaymap_round(rm), "first round");
	over = true;
	if (form == MAP_ACCESS && pthread_join(thread, &worst) == 0)
		printf("%-10s locked for %.0f ms at worst while it was written first\n", map_form_name(form), *(double *)worst * 1e3);
}

static void
rounds(enum map_form form, unsigned *next)
{
	double t0, t1, t2, c1;

	settings(form);
	t0 = seconds();
	first_round(form);
	t1 = seconds();
	c1 = processor();
	login((*next)++);
	must(relaymap_round(rm), "second round");
	t2 = seconds();
	printf("%-10s written %6.0f ms, with one more login %6.0f ms (%.0f ms of processor)\n", map_form_name(form),
	    (t1 - t0) * 1e3, (t2 - t1) * 1e3, (processor() - c1) * 1e3);
}

static bool
in_file(unsigned i)
{
	char path[96], text[ADDR_TEXT];
	static struct listfile_stamp last;
	struct listfile_stamp is;
	struct addr a = nth(i);
	struct err e;
	struct hash *h;
	bool there;

	(void)snprintf(path, sizeof path, "%s/postfix.db", dir);
	is = listfile_stamp(path);
	if (listfile_same(&is, &last) || (h = hash_open(path, true, false, &e)) == NULL)
		return false;
	last = is;
	there = hash_get(h, str_of(addr_format(text, &a)), NULL, &e) == HASH_DONE;
	(void)hash_close(h, &e);
	return there;
}

static void
visible(unsigned next)
{
	double worst = 0, sum = 0;
	struct err e;

	settings(MAP_POSTFIX);
	must(relaymap_round(rm), "another file"); /* the one before is left without grants */
	must(relaymap_start(rm, &e) == 0, "thread");
	for (unsigned i = 0; i < LOGINS; i++) {
		double t0 = seconds(), t;

		next += next % 10 == 0; /* the IPv4 ones are looked for */
		login(next);
		while (!in_file(next))
			usleep(1000);
		t = seconds() - t0;
		next++;
		sum += t;
		worst = t > worst ? t : worst;
		usleep((useconds_t)(random() % 700000));
	}
	printf("a login is in the file after %.0f ms on average, %.0f ms at worst\n", sum / LOGINS * 1e3, worst * 1e3);
	relaymap_stop(rm);
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 100000, next = n;
	struct effects fx = { .told = told };
	struct relaymap_setup setup = { .now = wall_clock };

	(void)snprintf(dir, sizeof dir, "%.40s/bench_maps.XXXXXX", getenv("BENCH_DIR") != NULL ? getenv("BENCH_DIR") : "/tmp");
	must(mkdtemp(dir) != NULL, dir);
	setup.ledger = ledger = ledger_new(2000000);
	pipeline_init(&pipeline, ledger, &fx);
	rm = relaymap_new(&setup);
	settings(MAP_POSTFIX);
	for (unsigned i = 0; i < n; i++)
		login(i);
	printf("%u grants\n", n);
	make_access();
	rounds(MAP_POSTFIX, &next);
	rounds(MAP_SENDMAIL, &next);
	rounds(MAP_ACCESS, &next);
	visible(next);
	relaymap_free(rm);
	ledger_free(ledger);
	conf_install(NULL);
	(void)remove_tree(dir);
	return 0;
}
