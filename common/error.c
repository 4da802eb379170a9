// SPDX-License-Identifier: BSD-2-Clause
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void error_write(struct error *err, int code, const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (err) {
		err->code = code;
		va_start(args, format);
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	errno = saved;
}

int error_prefix(struct error *err, const char *format, ...)
{
	char joined[2 * ERROR_TEXT_MAX];
	int saved = errno;
	va_list args;
	size_t used;

	va_start(args, format);
	vsnprintf(joined, ERROR_TEXT_MAX, format, args);
	va_end(args);
	used = strlen(joined);
	snprintf(joined + used, sizeof(joined) - used, ": %s", err->text);
	joined[sizeof(err->text) - 1] = '\0';
	memcpy(err->text, joined, sizeof(err->text));
	errno = saved;
	return err->code;
}
