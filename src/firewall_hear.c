/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall_hear.c - what the helper says: kept for the status, counted, and told in the log when it is news
 *
 * Everything here runs in the pusher.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firewall_int.h"
#include "logmsg.h"
#include "stats.h"

/* Its words go through str_show: it is trusted with the kernel's sets, not with our log. */
static void
keep_text(char *dst, const struct fw_reply *r)
{
	str_show(dst, FW_TEXT, (struct str){ r->text, strnlen(r->text, sizeof(r->text)) });
}

static void
hear_hello(struct firewall *fw, const struct fw_reply *r)
{
	/* Nothing that was under way counts any more. */
	fw->n = fw->changes = 0;
	fw->shard_n = fw->shard_at = 0;
	fw->stage = SYNC_IDLE;
	fw->look_shard = LEDGER_SHARDS;
	if (fw->greeted == 0)
		fw->greeted = firewall_clock();
	pthread_mutex_lock(&fw->lock);
	fw->queried = fw->answered;
	fw->sync_wanted = fw->gap_wanted = true;
	fw->st.state = FIREWALL_UP;
	fw->st.generation = r->a;
	fw->st.trouble[0] = '\0';
	pthread_mutex_unlock(&fw->lock);
	if (r->a <= 1) {
		logmsg(LEVEL_INFO, "firewall: the helper is ready");
		return;
	}
	stat_add(STAT_FIREWALL_RESTARTS, 1);
	logmsg(LEVEL_WARNING, "firewall: the helper died and has been started again (generation %u); "
	    "telling it everything", r->a);
}

/* A kernel without IPv6 (ipv6.disable=1) has no ip6tables either, and nobody comes by it. */
static bool
spoken(uint8_t set)
{
	int fd;

	if (set != FW_SET6)
		return true;
	if ((fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return errno != EAFNOSUPPORT;
	(void)close(fd);
	return true;
}

static void
say_references(struct firewall *fw, const struct fw_reply *r)
{
	static const char *const family[FW_SETS] = { "IPv4", "IPv6" };
	enum said now = fw->st.set[r->set].unnamed ? SAID_NO : SAID_YES;

	if (fw->said[r->set] == now)
		return;
	if (now == SAID_NO)
		logmsg(LEVEL_WARNING, "firewall: no rule refers to the set of %s addresses: blocks drop no packet until "
		    "one does", family[r->set]);
	else if (fw->said[r->set] == SAID_NO)
		logmsg(LEVEL_NOTICE, "firewall: a rule refers to the set of %s addresses", family[r->set]);
	fw->said[r->set] = now;
}

/* The pusher's own look at the sets' heads: gone, of another type, or far from what they should hold? */
void
firewall_look_on(struct firewall *fw, unsigned shards)
{
	bool wrong = false;

	while (shards-- > 0 && fw->look_shard < LEDGER_SHARDS)
		firewall_count(fw, fw->look_shard++, fw->look);
	if (fw->look_shard < LEDGER_SHARDS)
		return;
	for (enum fw_set set = 0; set < FW_SETS; set++)
		wrong |= fw->st.set[set].trouble[0] != '\0' || firewall_differ(fw->st.set[set].entries, fw->look[set]);
	if (wrong && fw->stage == SYNC_IDLE)
		fw->sync_at = 0;
}

/* Not at once, and not again after a sync that could do nothing about it: then there is no end of it. */
static void
sync_soon(struct firewall *fw)
{
	if (!fw->sync_failed && fw->sync_at > firewall_monotonic() + firewall_soon(fw->took))
		fw->sync_at = firewall_monotonic() + firewall_soon(fw->took);
}

static void
hear_status(struct firewall *fw, const struct fw_reply *r)
{
	struct firewall_set_status *s;
	char text[FW_TEXT];
	bool news, unnamed;

	if (r->set >= FW_SETS)
		return;
	unnamed = r->b == 0 && spoken(r->set);
	keep_text(text, r);
	s = &fw->st.set[r->set];
	pthread_mutex_lock(&fw->lock);
	news = strcmp(s->trouble, text) != 0;
	memcpy(s->trouble, text, sizeof(text));
	s->entries = r->a;
	s->references = r->b;
	s->unnamed = unnamed;
	/* The answer to a query is complete with the last set. */
	if (r->set == FW_SETS - 1 && r->seq > fw->answered && r->seq <= fw->queried) {
		fw->answered = r->seq;
		pthread_cond_broadcast(&fw->told);
	}
	pthread_mutex_unlock(&fw->lock);
	if (news && text[0] != '\0')
		logmsg(LEVEL_ERROR, "firewall: a kernel set cannot be used: %s", text);
	/* Somebody has made it anew.  One with another netmask takes all that we say, and drops other clients for it. */
	if (news && r->c != 0 && fw->stage == SYNC_IDLE)
		sync_soon(fw);
	say_references(fw, r);
	if (r->set == FW_SETS - 1 && r->seq == FIREWALL_LOOK_SEQ)
		fw->look_shard = fw->look[FW_SET4] = fw->look[FW_SET6] = 0;
}

static void
hear_synced(struct firewall *fw, const struct fw_reply *r)
{
	bool repaired = !fw->gap && (r->a != 0 || r->b != 0 || r->c != 0);

	if (fw->stage != SYNC_ASKED || r->seq != (fw->sync_seq | FIREWALL_SYNC_SEQ))
		return;
	fw->stage = SYNC_IDLE;
	fw->took = firewall_clock() - fw->began;
	fw->sync_at = firewall_monotonic() + firewall_rest(fw->took);
	fw->look_at = firewall_monotonic() + FIREWALL_LOOK;
	stat_add(STAT_FIREWALL_SYNCS, 1);
	pthread_mutex_lock(&fw->lock);
	fw->st.synced = time(NULL);
	if (repaired)
		fw->st.repaired = fw->st.synced;
	if (!fw->sync_failed)
		fw->st.trouble[0] = '\0';
	pthread_mutex_unlock(&fw->lock);
	if (repaired)
		logmsg(LEVEL_NOTICE, "firewall: the kernel's sets were not as they should be: %u added, %u removed, "
		    "%u terms corrected", r->a, r->b, r->c);
}

static void
hear_failed(struct firewall *fw, const struct fw_reply *r)
{
	char client[ADDR_TEXT], text[FW_TEXT];
	bool news;

	keep_text(text, r);
	stat_add(STAT_FIREWALL_FAILED, r->a);
	if (fw->stage != SYNC_IDLE)
		fw->sync_failed = true;
	else
		sync_soon(fw);
	pthread_mutex_lock(&fw->lock);
	news = strcmp(fw->st.trouble, text) != 0;
	memcpy(fw->st.trouble, text, sizeof(text));
	fw->st.failures += r->a;
	pthread_mutex_unlock(&fw->lock);
	if (news)
		logmsg(LEVEL_ERROR, "firewall: the kernel refused %u changes, %s first: %s", r->a,
		    addr_format(client, &r->addr), text);
}

/* A bug of ours, or two builds mixed; the next one would be no news. */
static void
hear_ignored(struct firewall *fw, const struct fw_reply *r)
{
	stat_add(STAT_FIREWALL_FAILED, r->a);
	if (!fw->misunderstood)
		logmsg(LEVEL_ERROR, "firewall: the helper did not understand %u requests; is it of this version?", r->a);
	fw->misunderstood = true;
}

static void
hear_resync(struct firewall *fw, const struct fw_reply *r)
{
	char text[FW_TEXT];

	keep_text(text, r);
	pthread_mutex_lock(&fw->lock);
	fw->sync_wanted = fw->gap_wanted = true;
	fw->st.repaired = time(NULL);
	pthread_mutex_unlock(&fw->lock);
	logmsg(LEVEL_WARNING, "firewall: %s; telling the helper everything", text);
}

static void
hear_trouble(struct firewall *fw, const struct fw_reply *r)
{
	char text[FW_TEXT];
	bool news;

	keep_text(text, r);
	pthread_mutex_lock(&fw->lock);
	news = strcmp(fw->st.trouble, text) != 0;
	memcpy(fw->st.trouble, text, sizeof(text));
	fw->st.state = FIREWALL_STARTING; /* until a worker says hello */
	pthread_cond_broadcast(&fw->told);
	pthread_mutex_unlock(&fw->lock);
	if (news)
		logmsg(LEVEL_ERROR, "firewall: the helper cannot work: %s", text);
}

void
firewall_hear(struct firewall *fw, const struct fw_reply *r)
{
	switch ((enum fw_reply_op)r->op) {
	case FW_HELLO:
		hear_hello(fw, r);
		break;
	case FW_STATUS:
		hear_status(fw, r);
		break;
	case FW_SYNCED:
		hear_synced(fw, r);
		break;
	case FW_FAILED:
		hear_failed(fw, r);
		break;
	case FW_IGNORED:
		hear_ignored(fw, r);
		break;
	case FW_RESYNC:
		hear_resync(fw, r);
		break;
	case FW_TROUBLE:
		hear_trouble(fw, r);
		break;
	}
}
