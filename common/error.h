/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A failure a person will read: a negative errno and one sentence that says
 * what was wrong and what to do. Functions that can fail for a stranger's
 * reason take a struct error and return its code.
 */
#ifndef SMMUMAN_COMMON_ERROR_H
#define SMMUMAN_COMMON_ERROR_H

#define ERROR_TEXT_MAX 240

struct error {
	int code; /* 0 or a negative errno */
	char text[ERROR_TEXT_MAX];
};

/*
 * Stores code (negative errno) and the sentence, cut at ERROR_TEXT_MAX - 1
 * bytes, and is code. err may be NULL: then only the code travels.
 * Never allocates, never blocks, keeps errno.
 *
 * A macro, so that compilers and analysers see which code comes back.
 */
#define error_set(err, code, ...) \
	({ \
		const int error_code_ = (code); \
		error_write((err), error_code_, __VA_ARGS__); \
		error_code_; \
	})

void error_write(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Puts "prefix: " before the sentence that is already there: the caller's
 * context around the callee's reason. Returns err->code.
 */
int error_prefix(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
