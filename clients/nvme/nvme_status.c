// SPDX-License-Identifier: BSD-2-Clause
/* NVM Express Base Specification 2.0c, 3.3.3.2.1: the status of a completion in words. */
#include "nvme.h"

#include <stdio.h>

static const char *const types[] = {
	"generic", "command specific", "media and data integrity", "path",
	"type 4", "type 5", "type 6", "vendor's own",
};

static const struct {
	uint8_t type, code;
	const char *words;
} known[] = {
	{ 0, 0x00, "success" },
	{ 0, 0x01, "invalid command opcode" },
	{ 0, 0x02, "invalid field in command" },
	{ 0, 0x03, "command id conflict" },
	{ 0, 0x04, "data transfer error" },
	{ 0, 0x05, "aborted because power was lost" },
	{ 0, 0x06, "internal error" },
	{ 0, 0x07, "aborted on request" },
	{ 0, 0x08, "aborted because its queue was deleted" },
	{ 0, 0x0b, "invalid namespace or format" },
	{ 0, 0x0c, "command sequence error" },
	{ 0, 0x13, "PRP offset invalid" },
	{ 0, 0x1c, "sanitize failed" },
	{ 0, 0x80, "LBA out of range" },
	{ 0, 0x81, "capacity exceeded" },
	{ 0, 0x82, "namespace not ready" },
	{ 1, 0x00, "completion queue invalid" },
	{ 1, 0x01, "invalid queue identifier" },
	{ 1, 0x02, "invalid queue size" },
	{ 1, 0x08, "invalid interrupt vector" },
	{ 1, 0x82, "attempted write to read-only range" },
	{ 2, 0x80, "write fault" },
	{ 2, 0x81, "unrecovered read error" },
	{ 2, 0x82, "end-to-end guard check error" },
	{ 2, 0x85, "compare failure" },
	{ 2, 0x86, "access denied" },
	{ 2, 0x87, "deallocated or unwritten logical block" },
};

void nvme_status_words(uint16_t status, char *text, size_t size)
{
	unsigned type = STATUS_TYPE(status), code = STATUS_CODE(status);
	const char *words = "a status this driver does not know";
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].type == type && known[i].code == code)
			words = known[i].words;
	snprintf(text, size, "%s (%s, 0x%02x%s)", words, types[type], code,
		 status & STATUS_NO_RETRY ? ", do not retry" : "");
}
