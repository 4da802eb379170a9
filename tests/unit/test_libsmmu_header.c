// SPDX-License-Identifier: BSD-2-Clause
// What is installed agrees with itself: <smmu.h> compiles alone as C and C++,
// the shared library shows exactly its calls, the manual names each of them,
// and its example is the program that is compiled and tested.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bits.h"

#define NAMES_MAX 128

struct names {
	unsigned count;
	char words[NAMES_MAX][64];
};

/* Tests run from the top of the tree. */
static char *read_text(const char *path)
{
	static char text[1 << 17];
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		fail_msg("%s cannot be read; run the tests from the top of the tree", path);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	return strdup(text);
}

static void add_name(struct names *names, const char *word, size_t length)
{
	unsigned i;

	assert_true(length < sizeof(names->words[0]) && names->count < NAMES_MAX);
	for (i = 0; i < names->count; i++)
		if (strlen(names->words[i]) == length && !memcmp(names->words[i], word, length))
			return;
	memcpy(names->words[names->count], word, length);
	names->words[names->count++][length] = '\0';
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Every word smmu_... that is followed by that character. */
static struct names find_names(const char *text, char behind)
{
	struct names names = { 0 };
	const char *at = text;

	while ((at = strstr(at, "smmu_"))) {
		const char *end = at;

		while (isalnum((unsigned char)*end) || *end == '_')
			end++;
		if (*end == behind && (at == text || !(isalnum((unsigned char)at[-1]) ||
						       at[-1] == '_')))
			add_name(&names, at, (size_t)(end - at));
		at = end;
	}
	qsort(names.words, names.count, sizeof(names.words[0]), compare);
	return names;
}

/* Blanks out the comments, in which calls are named too. */
static void drop_comments(char *text)
{
	char *at = text, *end;

	while ((at = strstr(at, "/*")) && (end = strstr(at, "*/"))) {
		memset(at, ' ', (size_t)(end + 2 - at));
		at = end;
	}
}

static struct names declared(void)
{
	char *text = read_text("libsmmu/smmu.h");
	struct names names;

	drop_comments(text);
	names = find_names(text, '(');
	free(text);
	assert_true(names.count > 50);
	return names;
}

/* --- compilers ---------------------------------------------------------------------- */

/* A driver in the manner of QNX, in the words both languages have. */
static const char source[] =
	"#include <smmu.h>\n"
	"int drive(void);\n"
	"int drive(void)\n"
	"{\n"
	"	struct smmu_object *sop;\n"
	"	struct smmu_map_entry entry;\n"
	"	struct smmu_status status;\n"
	"	union smmu_devid devid;\n"
	"	unsigned n;\n"
	"	if (smmu_init(0) < 0 || smmu_safety() == SMMUMAN_SAFETY_ERROR)\n"
	"		return -1;\n"
	"	sop = smmu_obj_create(SOCF_NONE);\n"
	"	entry.phys = 0x1000;\n"
	"	entry.len = 1;\n"
	"	devid.pci.type = SDT_PCI;\n"
	"	devid.pci.bus = devid.pci.dev = devid.pci.func = SMMU_PCI_FIELD_ANY;\n"
	"	n = smmu_device_report_reserved(&devid, 0, &entry, 1);\n"
	"	if (n == (unsigned)-1 || smmu_device_add_generic(sop, &devid) < 0)\n"
	"		return -1;\n"
	"	if (smmu_mapping_add(sop, SMF_READ | SMF_WRITE, 0, 1, &entry, 0) == -1)\n"
	"		return -1;\n"
	"	smmu_mapping_add(sop, SMF_NONE, 0, 1, &entry, 0);\n"
	"	while (smmu_xfer_status(&status) > 0 && !(status.flags & SSF_DROPPED_FAULTS))\n"
	"		;\n"
	"	smmu_device_add_mmio(NULL, 0x1000, 0x100);\n"
	"	return smmu_obj_destroy(sop) | smmu_fini();\n"
	"}\n";

/* 0, or what the compiler said; 127: there is none. */
static int compile(const char *compiler, const char *standard, const char *language)
{
	char path[] = "/tmp/smmu-header.XXXXXX";
	char *argv[] = { (char *)compiler, (char *)standard, "-Wall", "-Wextra", "-Wpedantic",
			 "-Werror", "-Ilibsmmu", "-fsyntax-only", "-x", (char *)language, path,
			 NULL };
	int fd = mkostemp(path, O_CLOEXEC), status;
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, source, sizeof(source) - 1), sizeof(source) - 1);
	close(fd);
	if (posix_spawnp(&pid, compiler, NULL, NULL, argv, environ)) {
		unlink(path);
		return 127;
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void header_compiled_alone_in(const char *const compilers[], size_t count,
				     const char *const standards[], size_t standard_count,
				     const char *language)
{
	unsigned tried = 0;
	size_t i, k;

	for (i = 0; i < count; i++) {
		for (k = 0; k < standard_count; k++) {
			int rc = compile(compilers[i], standards[k], language);

			if (rc == 127)
				continue;
			if (rc)
				fail_msg("%s %s refuses <smmu.h>", compilers[i], standards[k]);
			tried++;
		}
	}
	if (tried == 0) {
		print_message("skip: no compiler for %s here\n", language);
		skip();
	}
}

static void header_compiled_alone_as_c_accepted(void **state)
{
	static const char *const compilers[] = { "gcc", "clang" };
	static const char *const standards[] = { "-std=c99", "-std=gnu99", "-std=c11", "-std=gnu17" };

	(void)state;
	header_compiled_alone_in(compilers, ARRAY_COUNT(compilers), standards,
				 ARRAY_COUNT(standards), "c");
}

static void header_compiled_alone_as_cplusplus_accepted(void **state)
{
	static const char *const compilers[] = { "g++", "clang++" };
	static const char *const standards[] = { "-std=c++11", "-std=c++17", "-std=c++20" };

	(void)state;
	header_compiled_alone_in(compilers, ARRAY_COUNT(compilers), standards,
				 ARRAY_COUNT(standards), "c++");
}

/* --- lists that must not drift apart ------------------------------------------------ */

static void version_script_names_exactly_the_headers_calls(void **state)
{
	char *text = read_text("libsmmu/libsmmu.map");
	struct names wanted = declared(), shown = find_names(text, ';');
	unsigned i;

	(void)state;
	for (i = 0; i < wanted.count || i < shown.count; i++)
		if (strcmp(wanted.words[i], shown.words[i]) != 0)
			fail_msg("the header declares \"%s\" where libsmmu.map has \"%s\"",
				 wanted.words[i], shown.words[i]);
	free(text);
}

static void manual_names_every_call(void **state)
{
	char *text = read_text("man/libsmmu.3");
	struct names wanted = declared();
	char entry[80];
	unsigned i;

	(void)state;
	for (i = 0; i < wanted.count; i++) {
		snprintf(entry, sizeof(entry), ".Fn %s", wanted.words[i]);
		if (!strstr(text, entry))
			fail_msg("man/libsmmu.3 does not name %s()", wanted.words[i]);
	}
	free(text);
}

/* roff writes a backslash as \e. */
static void undo_roff(char *text)
{
	char *to = text;

	for (; *text; text++) {
		*to++ = *text;
		if (text[0] == '\\' && text[1] == 'e')
			text++;
	}
	*to = '\0';
}

static void manual_shows_the_driver_that_is_compiled(void **state)
{
	char *page = read_text("man/libsmmu.3"), *program = read_text("clients/minimal/minimal.c");
	char *shown = strstr(page, ".Bd -literal\n"), *end = strstr(page, ".Ed\n");
	char *body = strstr(program, "#include");

	(void)state;
	assert_true(shown && end && shown < end && body);
	*end = '\0';
	shown += strlen(".Bd -literal\n");
	undo_roff(shown);
	assert_string_equal(shown, body);
	free(page);
	free(program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_compiled_alone_as_c_accepted),
		cmocka_unit_test(header_compiled_alone_as_cplusplus_accepted),
		cmocka_unit_test(version_script_names_exactly_the_headers_calls),
		cmocka_unit_test(manual_names_every_call),
		cmocka_unit_test(manual_shows_the_driver_that_is_compiled),
	};

	return cmocka_run_group_tests_name("libsmmu_header", tests, NULL, NULL);
}
