/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compgen.c - write the shells' completions for popauth-milterctl, from the table of its commands
 *
 *	compgen bash | zsh | names
 *
 * What a command takes is read from its usage, as people read it: words with -- are options, FILE and LOG are files.
 * Both shells get the same three functions of one script: which words may follow, for what was typed so far.  `names`
 * prints the commands, one a line, for a test.
 */
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "event.h"

struct command {
	const char *name, *usage;
};

static const struct command commands[] = {
#define X(id, name, set, action, args, access, usage, help) { name, usage },
	VERBS_TABLE(X)
#undef X
#define X(name, function, args, usage, help) { name, usage },
	LOCALS_TABLE(X)
#undef X
};

#define COMMANDS (sizeof commands / sizeof commands[0])

/* Options of all commands. */
#define GLOBAL "--config --socket --json --help --version"
#define FILES  "-c|--config|-s|--socket|--against|--sendmail-cf|--html"
#define DIRS   "--postfix"
#define TEXTS  "--for|--user|--reason|--client|--match|--since|--offset|--limit"

static size_t
first_word(const char *name)
{
	return strcspn(name, " ");
}

/* Has an earlier command the same first word? */
static bool
said_before(size_t i)
{
	size_t n = first_word(commands[i].name);

	for (size_t k = 0; k < i; k++)
		if (first_word(commands[k].name) == n && strncmp(commands[k].name, commands[i].name, n) == 0)
			return true;
	return false;
}

static void
print_first_words(void)
{
	printf("\t'') echo '");
	for (size_t i = 0; i < COMMANDS; i++)
		if (!said_before(i))
			printf("%.*s ", (int)first_word(commands[i].name), commands[i].name);
	printf(GLOBAL "' ;;\n");
}

/* "relay": list add del flush */
static void
print_second_words(size_t i)
{
	size_t n = first_word(commands[i].name);

	if (commands[i].name[n] == '\0' || said_before(i))
		return;
	printf("\t'%.*s') echo '", (int)n, commands[i].name);
	for (size_t k = i; k < COMMANDS; k++)
		if (first_word(commands[k].name) == n && strncmp(commands[k].name, commands[i].name, n) == 0)
			printf("%s%s", k > i ? " " : "", commands[k].name + n + 1);
	printf("' ;;\n");
}

static void
print_options(const struct command *c)
{
	printf("\t'%s'|'%s '*) echo '", c->name, c->name);
	if (strstr(c->usage, "--json") == NULL)
		printf("--json ");
	for (const char *p = strstr(c->usage, "--"); p != NULL; p = strstr(p + 1, "--"))
		printf("%.*s ", (int)strspn(p, "abcdefghijklmnopqrstuvwxyz-"), p);
	printf("' ;;\n");
}

static void
print_tables(void)
{
	printf("# What may follow the command typed so far.\n_popauth_milterctl_words() {\n\tcase $1 in\n");
	print_first_words();
	for (size_t i = 0; i < COMMANDS; i++)
		print_second_words(i);
	for (size_t i = 0; i < COMMANDS; i++)
		print_options(&commands[i]);
	printf("\tesac\n}\n\n# Does it take files?\n_popauth_milterctl_files() {\n\tcase $1 in\n");
	for (size_t i = 0; i < COMMANDS; i++)
		if (strstr(commands[i].usage, "[FILE]") != NULL || strstr(commands[i].usage, "LOG") != NULL)
			printf("\t'%s'|'%s '*) return 0 ;;\n", commands[i].name, commands[i].name);
	printf("\tesac\n\treturn 1\n}\n\n# The words of the command among all that was typed.\n_popauth_milterctl_command() {\n"
	    "\tlocal skip='' command=''\n\tfor word in \"$@\"; do\n\t\tif [ -n \"$skip\" ]; then\n\t\t\tskip=''\n\t\t\tcontinue\n"
	    "\t\tfi\n\t\tcase $word in\n\t\t" FILES "|" DIRS "|" TEXTS "|--kind) skip=yes ;;\n\t\t-*) ;;\n"
	    "\t\t*) command=\"${command:+$command }$word\" ;;\n\t\tesac\n\tdone\n\techo \"$command\"\n}\n\n");
}

static void
print_kinds(void)
{
	for (enum event_kind k = 0; k < EVENT_KINDS; k++)
		printf("%s ", event_kind_name(k));
	printf("hand");
}

static void
print_bash(void)
{
	printf("# bash completion for popauth-milterctl(8); made from the table of its commands\n\n");
	print_tables();
	printf("_popauth_milterctl() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} command word\n"
	    "\tcase ${COMP_WORDS[COMP_CWORD - 1]} in\n"
	    "\t" FILES ") mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
	    "\t" DIRS ") mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n"
	    "\t" TEXTS ") COMPREPLY=(); return ;;\n"
	    "\t--kind) mapfile -t COMPREPLY < <(compgen -W '");
	print_kinds();
	printf("' -- \"$cur\"); return ;;\n\tesac\n"
	    "\tcommand=$(_popauth_milterctl_command \"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n"
	    "\tmapfile -t COMPREPLY < <(compgen -W \"$(_popauth_milterctl_words \"$command\")\" -- \"$cur\"\n"
	    "\t\tif _popauth_milterctl_files \"$command\"; then compgen -f -- \"$cur\"; fi)\n}\n\n"
	    "complete -F _popauth_milterctl popauth-milterctl\n");
}

static void
print_zsh(void)
{
	printf("#compdef popauth-milterctl\n# zsh completion for popauth-milterctl(8); made from the table of its commands\n\n");
	print_tables();
	printf("_popauth_milterctl() {\n\tlocal command\n\tcase ${words[CURRENT - 1]} in\n"
	    "\t" FILES ") _files; return ;;\n\t" DIRS ") _files -/; return ;;\n\t" TEXTS ") return ;;\n\t--kind) compadd -- ");
	print_kinds();
	printf("; return ;;\n\tesac\n\tcommand=$(_popauth_milterctl_command \"${(@)words[2,CURRENT-1]}\")\n"
	    "\tcompadd -- ${=$(_popauth_milterctl_words \"$command\")}\n"
	    "\tif _popauth_milterctl_files \"$command\"; then _files; fi\n}\n\n_popauth_milterctl \"$@\"\n");
}

static void
print_names(void)
{
	for (size_t i = 0; i < COMMANDS; i++)
		puts(commands[i].name);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} outputs[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "names", print_names } };

	for (size_t i = 0; argc == 2 && i < sizeof outputs / sizeof outputs[0]; i++) {
		if (strcmp(argv[1], outputs[i].name) != 0)
			continue;
		outputs[i].print();
		return fflush(stdout) == 0 ? 0 : 1;
	}
	fprintf(stderr, "usage: compgen bash | zsh | names\n");
	return 2;
}
