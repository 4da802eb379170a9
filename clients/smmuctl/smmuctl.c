// SPDX-License-Identifier: BSD-2-Clause
/* The command line. Verbs, options and all help come from the two tables here. */
#include "smmuctl.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bits.h"
#include "smmu.h"
#include "suggest.h"
#include "text.h"
#include "wire.h"

#define WORDS_MAX 2

static int help_run(struct ctl *ctl);

static const struct verb {
	const char *name, *arguments;
	int least, most; /* arguments */
	bool needs_service, is_fault_verb;
	int (*run)(struct ctl *ctl);
	const char *summary;
	const char *more; /* for smmuctl help VERB */
} verbs[] = {
	{ "status", "", 0, 0, true, false, status_run, "the service at a glance",
	  "What needs a person is red: closed units, quarantined devices, lost records." },
	{ "units", "", 0, 0, true, false, lists_units, "the IOMMUs and their counters",
	  "PAGES are page-table pages of 4 KiB. A closed unit failed: it lets nothing through." },
	{ "devices", "", 0, 0, true, false, lists_devices, "every device, its state and its owner",
	  "Quarantined devices, and devices left to the host, are red." },
	{ "clients", "", 0, 0, true, false, lists_clients, "who is connected, and what they hold",
	  "" },
	{ "domains", "", 0, 0, true, false, lists_domains, "the I/O address spaces", "" },
	{ "grants", "", 0, 0, true, false, lists_grants, "what may be reached right now",
	  "IOVA is the address the device uses, PHYSICAL where the first byte lies." },
	{ "faults", "", 0, 0, true, true, faults_run, "what was refused, oldest first",
	  "Below each: the reason, and the grant it just missed. xN: N accesses of one kind. "
	  "The log outlives the service." },
	{ "explain", "DEVICE [IOVA]", 1, 2, true, false, explain_run,
	  "why a device reaches an address, or does not",
	  "DEVICE as 'smmuctl devices' shows it, or the policy's word for it; IOVA as 0x1000." },
	{ "release", "DEVICE", 1, 1, true, false, release_run, "end a device's quarantine",
	  "First mend what 'smmuctl explain DEVICE' says." },
	{ "policy check", "FILE", 1, 1, false, false, policy_check_run, "is a policy file good?",
	  "Needs neither the service nor root. Exit code 0 or 8." },
	{ "help", "[VERB]", 0, 2, false, false, help_run, "this text, or more about a verb", "" },
};

enum option_id {
	OPTION_JSON = 256, OPTION_SOCKET, OPTION_NO_COLOR, OPTION_FOLLOW, OPTION_DEVICE,
	OPTION_SINCE, OPTION_LIMIT, OPTION_HELP, OPTION_VERSION,
};

static const struct option_row {
	enum option_id id;
	const char *name, *argument, *summary;
	bool is_fault_option;
} options[] = {
	{ OPTION_JSON, "json", "", "one JSON document (a line a record with --follow)", false },
	{ OPTION_SOCKET, "socket", "PATH",
	  "of the service; default $" WIRE_SOCKET_ENV ", then " WIRE_SOCKET, false },
	{ OPTION_NO_COLOR, "no-color", "", "as with NO_COLOR set; colour is only for terminals",
	  false },
	{ OPTION_FOLLOW, "follow", "", "go on with new ones as they come", true },
	{ OPTION_DEVICE, "device", "D", "only of this device", true },
	{ OPTION_SINCE, "since", "SEQ", "only after the record of this number", true },
	{ OPTION_LIMIT, "limit", "N", "only the newest N", true },
	{ OPTION_HELP, "help", "", "this text", false },
	{ OPTION_VERSION, "version", "", "the version", false },
};

/* --- saying things -------------------------------------------------------------------- */

void ctl_say(const struct ctl *ctl, const char *format, ...)
{
	char words[512], shown[2100];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	fflush(ctl->out);
	fprintf(ctl->err, "smmuctl: %s\n", text_clean(shown, sizeof(shown), words));
}

const char *ctl_red(const struct ctl *ctl)
{
	return ctl->color ? "\033[31m" : "";
}

const char *ctl_plain(const struct ctl *ctl)
{
	return ctl->color ? "\033[0m" : "";
}

/* --- help --------------------------------------------------------------------------- */

static void print_options(FILE *to, bool is_fault_option)
{
	char left[40];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(options); i++) {
		if (options[i].is_fault_option != is_fault_option)
			continue;
		snprintf(left, sizeof(left), "--%s %s", options[i].name, options[i].argument);
		fprintf(to, "  %-22s %s\n", left, options[i].summary);
	}
}

static void print_usage(FILE *to)
{
	char left[40];
	size_t i;

	fputs("usage: smmuctl [option ...] VERB [argument ...]\n", to);
	for (i = 0; i < ARRAY_COUNT(verbs); i++) {
		snprintf(left, sizeof(left), "%s %s", verbs[i].name, verbs[i].arguments);
		fprintf(to, "  %-22s %s\n", left, verbs[i].summary);
	}
	fputs("options:\n", to);
	print_options(to, false);
	fputs("options of faults:\n", to);
	print_options(to, true);
	fputs("exit codes: 0 done, 1 failed, 2 usage, 3 service not reachable, 4 denied,\n"
	      "  5 no such object, 6 busy or over a quota, 8 the check found problems\n", to);
}

static void print_verb(FILE *to, const struct verb *verb)
{
	fprintf(to, "usage: smmuctl [option ...] %s%s%s\n", verb->name, *verb->arguments ? " " : "",
		verb->arguments);
	fprintf(to, "  %s\n", verb->summary);
	if (*verb->more) {
		fputs("  ", to);
		text_wrap(to, 2, 2, verb->more);
	}
	if (verb->is_fault_verb)
		print_options(to, true);
}

/* --- which verb ---------------------------------------------------------------------- */

/* How many of the words are the verb's name; 0: it is another verb. */
static int words_matched(const struct verb *verb, int count, char **words)
{
	char joined[2 * SUGGEST_WORD_MAX];

	if (count >= 1 && strcmp(words[0], verb->name) == 0)
		return 1;
	if (count < WORDS_MAX)
		return 0;
	snprintf(joined, sizeof(joined), "%s %s", words[0], words[1]);
	return strcmp(joined, verb->name) == 0 ? WORDS_MAX : 0;
}

static const struct verb *find_verb(const struct ctl *ctl, int count, char **words, int *ret_used)
{
	struct suggest suggest;
	size_t i;

	suggest_init(&suggest, words[0]);
	for (i = 0; i < ARRAY_COUNT(verbs); i++) {
		*ret_used = words_matched(&verbs[i], count, words);
		if (*ret_used)
			return &verbs[i];
		suggest_offer(&suggest, verbs[i].name);
	}
	if (strcmp(words[0], "policy") == 0)
		ctl_say(ctl, "policy what? There is: smmuctl policy check FILE");
	else if (suggest.best)
		ctl_say(ctl, "there is no verb '%s'; did you mean '%s'?", words[0], suggest.best);
	else
		ctl_say(ctl, "there is no verb '%s'; 'smmuctl help' lists them", words[0]);
	return NULL;
}

static int help_run(struct ctl *ctl)
{
	const struct verb *verb;
	int used;

	if (ctl->argument_count == 0) {
		print_usage(ctl->out);
		return CTL_DONE;
	}
	verb = find_verb(ctl, ctl->argument_count, ctl->arguments, &used);
	if (!verb)
		return CTL_USAGE;
	print_verb(ctl->out, verb);
	return CTL_DONE;
}

/* --- options ------------------------------------------------------------------------- */

static int parse_count(const struct ctl *ctl, const char *name, const char *text,
		       uint64_t *ret_count)
{
	char *end;

	errno = 0;
	*ret_count = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno)
		return CTL_DONE;
	ctl_say(ctl, "--%s '%s': give a whole number", name, text);
	return CTL_USAGE;
}

static int apply_option(struct ctl *ctl, enum option_id id, const char *value)
{
	switch (id) {
	case OPTION_JSON:
		ctl->json = true;
		break;
	case OPTION_SOCKET:
		ctl->socket = value;
		break;
	case OPTION_NO_COLOR:
		ctl->color = false;
		break;
	case OPTION_FOLLOW:
		ctl->follow = true;
		break;
	case OPTION_DEVICE:
		ctl->device = value;
		break;
	case OPTION_SINCE:
		return parse_count(ctl, "since", value, &ctl->since);
	case OPTION_LIMIT:
		return parse_count(ctl, "limit", value, &ctl->limit);
	case OPTION_HELP:
	case OPTION_VERSION:
		break;
	}
	return CTL_DONE;
}

/* What the command line asked for. */
struct command {
	bool wants_help, wants_version, has_fault_option;
};

static void say_bad_option(const struct ctl *ctl, int id, const char *word)
{
	struct suggest suggest;
	size_t i;

	suggest_init(&suggest, word + strspn(word, "-"));
	for (i = 0; i < ARRAY_COUNT(options); i++)
		suggest_offer(&suggest, options[i].name);
	if (id == ':')
		ctl_say(ctl, "%s needs a value", word);
	else if (suggest.best)
		ctl_say(ctl, "there is no option '%s'; did you mean --%s?", word, suggest.best);
	else
		ctl_say(ctl, "there is no option '%s'; 'smmuctl help' lists them", word);
}

static int parse_options(struct ctl *ctl, int argc, char **argv, struct command *command)
{
	struct option rows[ARRAY_COUNT(options) + 1] = { 0 };
	int id, code = CTL_DONE;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(options); i++)
		rows[i] = (struct option){ options[i].name, *options[i].argument != '\0', NULL,
					   (int)options[i].id };
	optind = 0;
	opterr = 0;
	while (code == CTL_DONE && (id = getopt_long(argc, argv, ":", rows, NULL)) != -1) {
		if (id == '?' || id == ':') {
			say_bad_option(ctl, id, argv[optind - 1]);
			return CTL_USAGE;
		}
		command->wants_help |= id == OPTION_HELP;
		command->wants_version |= id == OPTION_VERSION;
		for (i = 0; i < ARRAY_COUNT(options); i++)
			if ((int)options[i].id == id)
				command->has_fault_option |= options[i].is_fault_option;
		code = apply_option(ctl, (enum option_id)id, optarg);
	}
	return code;
}

/* --- the run -------------------------------------------------------------------------- */

static int run_verb(struct ctl *ctl, const struct verb *verb, const struct command *command)
{
	int code = CTL_DONE;

	if (command->wants_help) {
		print_verb(ctl->out, verb);
		return CTL_DONE;
	}
	if (ctl->argument_count < verb->least || ctl->argument_count > verb->most ||
	    (command->has_fault_option && !verb->is_fault_verb)) {
		if (command->has_fault_option && !verb->is_fault_verb)
			ctl_say(ctl, "--follow, --device, --since and --limit belong to 'faults'");
		print_verb(ctl->err, verb);
		return CTL_USAGE;
	}
	if (verb->needs_service)
		code = service_open(ctl);
	if (code == CTL_DONE)
		code = verb->run(ctl);
	smmu_close(ctl->service);
	return code;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct command command = { 0 };
	const struct verb *verb;
	int used, code = parse_options(ctl, argc, argv, &command);

	if (code != CTL_DONE)
		return code;
	if (command.wants_version) {
		fprintf(ctl->out, "smmuctl %s\n", SMMUMAN_VERSION);
		return CTL_DONE;
	}
	if (optind == argc) {
		print_usage(command.wants_help ? ctl->out : ctl->err);
		return command.wants_help ? CTL_DONE : CTL_USAGE;
	}
	verb = find_verb(ctl, argc - optind, argv + optind, &used);
	if (!verb)
		return CTL_USAGE;
	ctl->arguments = argv + optind + used;
	ctl->argument_count = argc - optind - used;
	return run_verb(ctl, verb, &command);
}

int smmuctl_run(int argc, char **argv, FILE *out, FILE *err)
{
	const char *no_color = getenv("NO_COLOR");
	struct ctl ctl = { .out = out, .err = err, .limit = UINT64_MAX };
	int code;

	ctl.color = isatty(fileno(out)) == 1 && !(no_color && *no_color);
	code = run(&ctl, argc, argv);
	if (fflush(out) == 0 && !ferror(out))
		return code;
	ctl_say(&ctl, "the answer could not be written: %s", strerror(errno));
	return code == CTL_DONE ? CTL_FAILED : code;
}
