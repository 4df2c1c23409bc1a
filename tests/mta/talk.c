/* SPDX-License-Identifier: GPL-2.0-or-later */
/* talk - speak a few lines of SMTP or POP3 and print what is answered
 *
 *	talk [-s source] [-t seconds] address port line...
 *	talk -i count text path
 *
 * For tests that must see a mail server as a client sees it.  talk connects (from the address
 * `source` if given), waits for the greeting, then sends one line after the other, each only after
 * the answer to the one before.  What went out is printed after "> ", what came in after "< ".
 * When DATA has been answered with 354, the lines up to and including "." go out together and are
 * answered once.  Addresses are numeric: a test must not depend on a resolver here.
 *
 * With -i it opens so many connections to a UNIX socket, sends the same text on each and nothing more, prints
 * "open COUNT", and stays until it is ended.
 *
 * The exit status tells how far the conversation came, not what was said in it:
 *	0	every line was answered, whatever the answer was
 *	2	wrong usage, or no socket to be had
 *	3	the connection was not answered within the time given
 *	4	the connection was refused, or there is no way to that address
 *	5	connected, but an answer did not come within the time given
 *	6	the server closed the connection before all lines were answered
 */
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/un.h>

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Connect, with the time-out that later also bounds each answer; return the socket in *sock. */
static enum outcome reach(const char *source, const char *host, const char *port, long seconds,
			  int *sock)
{
	const struct timeval limit = { .tv_sec = seconds };
	struct addrinfo *to = address(host, port);
	enum outcome outcome = SPOKEN;

	*sock = socket(to->ai_family, SOCK_STREAM, 0);
	if (*sock == -1 || setsockopt(*sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == -1
	    || setsockopt(*sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == -1) {
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
	if (connect(*sock, to->ai_addr, to->ai_addrlen) == -1) {
		/* EINPROGRESS is how Linux says that SO_SNDTIMEO ran out in connect(2) */
		outcome = errno == EINPROGRESS || errno == ETIMEDOUT ? SILENT : REFUSED;
		printf("! %s port %s: %s\n", host, port,
		       outcome == SILENT ? "no answer" : strerror(errno));
	}
	freeaddrinfo(to);
	return outcome;
}

/* "250-" goes on, "250 " and "+OK" do not. */
static int goes_on(const char *reply)
{
	for (int i = 0; i < 3; i++)
		if (!isdigit((unsigned char)reply[i]))
			return 0;
	return reply[3] == '-';
}

/* Read one answer, all lines of it, and print it; the first three bytes stay in `code`. */
static enum outcome hear(FILE *in, char code[4])
{
	char reply[2048];

	do {
		errno = 0;
		if (fgets(reply, sizeof reply, in) == NULL) {
			int late = ferror(in) && (errno == EAGAIN || errno == EWOULDBLOCK);

			printf("! %s\n", late ? "no answer" : "connection closed");
			return late ? STALLED : CLOSED;
		}
		reply[strcspn(reply, "\r\n")] = '\0';
		for (char *p = reply; *p != '\0'; p++)
			if (iscntrl((unsigned char)*p))
				*p = '?';
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

static enum outcome converse(int sock, FILE *in, char **line)
{
	char code[4];
	enum outcome outcome = hear(in, code);

	for (; outcome == SPOKEN && *line != NULL; line++) {
		say(sock, *line);
		outcome = hear(in, code);
		if (outcome != SPOKEN || strcmp(*line, "DATA") != 0 || strcmp(code, "354") != 0)
			continue;
		do {
			if (line[1] == NULL) {
				fprintf(stderr, "talk: DATA without \".\"\n");
				return UNUSABLE;
			}
			say(sock, *++line);
		} while (strcmp(*line, ".") != 0);
		outcome = hear(in, code);
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
	long seconds = 10;
	enum outcome outcome;
	int opt, sock;
	FILE *in;

	while ((opt = getopt(argc, argv, "+i:s:t:")) != -1) {
		if (opt == 's')
			source = optarg;
		else if (opt == 'i')
			count = atoi(optarg);
		else if (opt == 't')
			seconds = strtol(optarg, NULL, 10);
		else
			seconds = 0;
	}
	if (count > 0 && argc - optind == 2)
		return (int)idle(count, argv[optind], argv[optind + 1]);
	if (argc - optind < 2 || seconds <= 0) {
		fprintf(stderr, "usage: talk [-s source] [-t seconds] address port line...\n");
		return UNUSABLE;
	}
	outcome = reach(source, argv[optind], argv[optind + 1], seconds, &sock);
	if (outcome != SPOKEN)
		return (int)outcome;
	in = fdopen(sock, "r");
	if (in == NULL) {
		perror("talk: fdopen");
		return UNUSABLE;
	}
	outcome = converse(sock, in, argv + optind + 2);
	fclose(in);
	return (int)outcome;
}
