/* SPDX-License-Identifier: GPL-2.0-or-later */
/* talk - speak a few lines of SMTP or POP3 and print what is answered
 *
 *	talk [-s source] address port line...
 *	talk -i count text path
 *
 * For tests that must see a mail server as a client sees it.  talk connects (from the address
 * `source` if given), waits for the greeting, then sends one line after the other, each only after
 * the answer to the one before, for which it waits half a minute.  What went out is printed after "> ", what came in after "< ".
 * When DATA has been answered with 354, the lines up to and including "." go out together and are
 * answered once.  Addresses are numeric: a test must not depend on a resolver here.
 *
 * With -i it opens so many connections to a UNIX socket, sends the same text on each and nothing more, prints
 * "open COUNT", and stays until it is ended.
 *
 * The exit status tells how far the conversation came, not what was said in it:
 *	0	every line was answered, whatever the answer was
 *	2	wrong usage, or no socket to be had
 *	3	no packet of ours gets through: the connection, or what was sent on it, is not even acknowledged
 *	4	the connection was refused, or there is no way to that address
 *	5	connected, but an answer did not come in that time
 *	6	the server closed the connection before all lines were answered
 *
 * 3 is soon known and takes no patience: acknowledging is the kernel's work, which is done at once however busy the server.
 */
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE 30 /* seconds, for an answer */
#define KNOCK	 2  /* seconds, for a connection: it is asked for twice in that time */
#define REPEATS	 3  /* of the same packet, which take a second and a half */

enum outcome {
	SPOKEN = 0,
	UNUSABLE = 2,
	SILENT = 3,
	REFUSED = 4,
	STALLED = 5,
	CLOSED = 6,
};

static struct addrinfo *address(const char *host, const char *port)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;
	int rc = getaddrinfo(host, port, &hints, &found);

	if (rc != 0) {
		fprintf(stderr, "talk: %s port %s: %s\n", host, port, gai_strerror(rc));
		exit(UNUSABLE);
	}
	return found;
}

/* 0, or why not.  ETIMEDOUT: not answered at all. */
static int knock(int sock, const struct addrinfo *to)
{
	struct pollfd out = { .fd = sock, .events = POLLOUT };
	int why = 0;
	socklen_t n = sizeof why;

	if (connect(sock, to->ai_addr, to->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&out, 1, KNOCK * 1000) == 0)
		return ETIMEDOUT;
	return getsockopt(sock, SOL_SOCKET, SO_ERROR, &why, &n) == -1 ? errno : why;
}

/* Connect; return the socket in *sock. */
static enum outcome reach(const char *source, const char *host, const char *port, int *sock)
{
	struct addrinfo *to = address(host, port);
	int why;

	*sock = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (*sock == -1) {
		perror("talk: socket");
		exit(UNUSABLE);
	}
	if (source != NULL) {
		struct addrinfo *from = address(source, "0");

		if (bind(*sock, from->ai_addr, from->ai_addrlen) == -1) {
			fprintf(stderr, "talk: bind %s: %s\n", source, strerror(errno));
			exit(UNUSABLE);
		}
		freeaddrinfo(from);
	}
	why = knock(*sock, to);
	freeaddrinfo(to);
	if (why == 0)
		return SPOKEN;
	printf("! %s port %s: %s\n", host, port, why == ETIMEDOUT ? "no answer" : strerror(why));
	return why == ETIMEDOUT ? SILENT : REFUSED;
}

/* "250-" goes on, "250 " and "+OK" do not. */
static int goes_on(const char *reply)
{
	for (int i = 0; i < 3; i++)
		if (!isdigit((unsigned char)reply[i]))
			return 0;
	return reply[3] == '-';
}

/* What was sent is not acknowledged, though our kernel has repeated it. */
static bool unheard(int sock)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof info;

	return getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 && info.tcpi_retransmits >= REPEATS;
}

/* Until there is something to read. */
static enum outcome await_answer(int sock)
{
	struct pollfd in = { .fd = sock, .events = POLLIN };

	for (int tenths = 10 * PATIENCE; tenths > 0; tenths--) {
		if (poll(&in, 1, 100) == 1)
			return SPOKEN;
		if (unheard(sock))
			return SILENT;
	}
	return STALLED;
}

/* One line, fit to be shown; what is too long is cut off. */
static enum outcome hear_line(int sock, char *line, size_t size)
{
	enum outcome outcome;
	size_t n = 0;
	char c = '\0';

	while (c != '\n') {
		outcome = await_answer(sock);
		if (outcome != SPOKEN)
			return outcome;
		if (recv(sock, &c, 1, 0) != 1)
			return CLOSED;
		if (c != '\r' && c != '\n' && n < size - 1)
			line[n++] = iscntrl((unsigned char)c) ? '?' : c;
	}
	line[n] = '\0';
	return SPOKEN;
}

/* Read one answer, all lines of it, and print it; the first three bytes stay in `code`. */
static enum outcome hear(int sock, char code[4])
{
	enum outcome outcome;
	char reply[2048];

	do {
		outcome = hear_line(sock, reply, sizeof reply);
		if (outcome != SPOKEN) {
			printf("! %s\n", outcome == CLOSED ? "connection closed" : "no answer");
			return outcome;
		}
		printf("< %s\n", reply);
	} while (goes_on(reply));
	snprintf(code, 4, "%.3s", reply);
	return SPOKEN;
}

/* A failed send is not reported here: the answer that then does not come tells why. */
static void say(int sock, const char *line)
{
	char out[2048];
	int n = snprintf(out, sizeof out, "%s\r\n", line);

	if (n < 0 || (size_t)n >= sizeof out) {
		fprintf(stderr, "talk: line too long\n");
		exit(UNUSABLE);
	}
	printf("> %s\n", line);
	fflush(stdout);
	(void)send(sock, out, (size_t)n, MSG_NOSIGNAL);
}

static enum outcome converse(int sock, char **line)
{
	char code[4];
	enum outcome outcome = hear(sock, code);

	for (; outcome == SPOKEN && *line != NULL; line++) {
		say(sock, *line);
		outcome = hear(sock, code);
		if (outcome != SPOKEN || strcmp(*line, "DATA") != 0 || strcmp(code, "354") != 0)
			continue;
		do {
			if (line[1] == NULL) {
				fprintf(stderr, "talk: DATA without \".\"\n");
				return UNUSABLE;
			}
			say(sock, *++line);
		} while (strcmp(*line, ".") != 0);
		outcome = hear(sock, code);
	}
	return outcome;
}

static enum outcome idle(int count, const char *text, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	for (int i = 0; i < count; i++) {
		int sock = socket(AF_UNIX, SOCK_STREAM, 0);

		if (sock == -1 || connect(sock, (struct sockaddr *)&at, sizeof at) == -1) {
			perror("talk");
			return UNUSABLE;
		}
		(void)send(sock, text, strlen(text), MSG_NOSIGNAL);
	}
	printf("open %d\n", count);
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *source = NULL;
	int count = 0;
	enum outcome outcome;
	int opt, sock;
	bool wrong = false;

	while ((opt = getopt(argc, argv, "+i:s:")) != -1) {
		if (opt == 's')
			source = optarg;
		else if (opt == 'i')
			count = atoi(optarg);
		else
			wrong = true;
	}
	if (count > 0 && argc - optind == 2)
		return (int)idle(count, argv[optind], argv[optind + 1]);
	if (argc - optind < 2 || wrong) {
		fprintf(stderr, "usage: talk [-s source] address port line...\n");
		return UNUSABLE;
	}
	outcome = reach(source, argv[optind], argv[optind + 1], &sock);
	if (outcome != SPOKEN)
		return (int)outcome;
	outcome = converse(sock, argv + optind + 2);
	close(sock);
	return (int)outcome;
}
