// SPDX-License-Identifier: BSD-2-Clause
#include "audit.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor.h"
#include "bits.h"
#include "books.h"
#include "smmu_oracle.h"
#include "vtd_oracle.h"

#define BOUND_SLOT 2u
#define OTHER_SLOT 3u
#define BOUND_STREAM (BOUND_SLOT << 3)
#define Q35_VTD UINT64_C(0xfed90000)
#define UNGRANTED UINT64_C(0x6f000000)
#define MARKED (64 * RIG_PAGE)
#define MARK 0xe7

struct audit {
	struct rig *rig;
	struct board_owner owner;
	const struct books_header *books;
	const uint8_t *base; /* of the books */
};

static void audit_begin(struct audit *audit, struct rig *rig)
{
	const struct board_hello *hello = &audit->owner.hello;
	uint64_t arena;

	memset(audit, 0, sizeof(*audit));
	audit->rig = rig;
	assert_int_equal(board_owner_init(&audit->owner, rig->board.socket), 0);
	arena = (hello->firmware_offset + hello->firmware_size + RIG_PAGE - 1) & ~(RIG_PAGE - 1);
	audit->base = audit->owner.parts[0] + arena;
	audit->books = (const struct books_header *)(const void *)audit->base;
}

static uint64_t read_register(const struct audit *audit, uint64_t address, unsigned size)
{
	uint64_t value = 0;

	assert_int_equal(board_read(audit->owner.fd, address, size, &value), 0);
	return value;
}

/* --- the books --------------------------------------------------------------------- */

static const struct book_grant *grant_over(const struct audit *audit, uint64_t iova, uint64_t bytes)
{
	const struct books_header *books = audit->books;
	const struct book_grant *grants = (const void *)(audit->base + books->grants);
	uint32_t i;

	if (books->magic != BOOKS_MAGIC)
		return NULL;
	for (i = 1; i < books->grant_max; i++)
		if (grants[i].state != GRANT_FREE && iova >= grants[i].iova &&
		    iova + bytes <= grants[i].iova + grants[i].length)
			return &grants[i];
	return NULL;
}

/* Is the leaf all inside a grant the books know, at the right bytes? */
static const char *leaf_is_granted(void *context, const struct auditor_leaf *leaf)
{
	const struct audit *audit = context;
	const struct book_memory *memories = (const void *)(audit->base + audit->books->memories);
	const struct book_grant *grant = grant_over(audit, leaf->iova, leaf->bytes);

	if (!grant)
		return "a leaf that no grant of the books covers";
	if (memories[grant->memory].one.pa.v + grant->offset + leaf->iova - grant->iova != leaf->pa)
		return "a leaf leads elsewhere than its grant";
	return leaf->rights & ~(unsigned)grant->rights ? "a leaf allows more than its grant" : NULL;
}

/* --- SMMUv3 ------------------------------------------------------------------------ */

static void smmuv3_view(const struct audit *audit, struct hw_fake *view)
{
	static const uint32_t offsets[] = { FAKE_IDR0, FAKE_IDR1, FAKE_IDR5, FAKE_CR0, FAKE_GBPA,
					    FAKE_STRTAB_BASE, FAKE_STRTAB_BASE + 4,
					    FAKE_STRTAB_CFG };
	const struct board_part *part = &audit->owner.hello.parts[0];
	unsigned i;

	memset(view, 0, sizeof(*view));
	view->memory = audit->owner.parts[0];
	view->bytes = part->size;
	view->pages.cpu = audit->owner.parts[0];
	view->pages.pa = PA(part->pa);
	view->pages.size = part->size;
	for (i = 0; i < ARRAY_COUNT(offsets); i++)
		hw_fake_set(view, offsets[i], 4, read_register(audit, VIRT_SMMU + offsets[i], 4));
}

static void smmuv3_stream(struct audit *audit, const struct hw_fake *fake, uint32_t stream)
{
	struct oracle oracle = oracle_stream(fake, stream);
	struct auditor_view view = { .memory = audit->owner.parts[0],
				     .memory_pa = audit->owner.hello.parts[0].pa,
				     .memory_bytes = audit->owner.hello.parts[0].size,
				     .root_pa = oracle.root,
				     .stage = oracle.stage,
				     .input_bits = oracle.input_bits,
				     .output_bits = 44,
				     .start_level = oracle.root_level };
	struct auditor_leaf first = { 0 };
	const char *wrong;

	assert_int_not_equal(oracle.verdict, ORACLE_BYPASS);
	assert_int_not_equal(oracle.verdict, ORACLE_ILLEGAL);
	if (oracle.verdict != ORACLE_TABLE)
		return;
	wrong = auditor_read_all(&view, leaf_is_granted, audit, NULL);
	if (wrong)
		fail_msg("stream 0x%" PRIx32 ": %s", stream, wrong);
	if (stream == BOUND_STREAM)
		return;
	assert_null(auditor_translate(&view, RIG_IOVA, &first));
	assert_int_equal(first.bytes, 0);
}

static bool smmuv3_audit(struct audit *audit, bool was_taken_over)
{
	static const uint32_t streams[] = { 0x00, 0x08, BOUND_STREAM, 0x18, 0x20, 0x55, 0x1234 };
	struct hw_fake view;
	unsigned i;

	smmuv3_view(audit, &view);
	if (!was_taken_over && !(hw_fake_get(&view, FAKE_CR0, 4) & 1))
		return false;
	for (i = 0; i < ARRAY_COUNT(streams); i++)
		smmuv3_stream(audit, &view, streams[i]);
	return true;
}

/* --- VT-d -------------------------------------------------------------------------- */

static const char *vtd_leaf(void *context, uint16_t source, const struct auditor_leaf *leaf)
{
	return source == BOUND_STREAM ? leaf_is_granted(context, leaf) :
					"a leaf of a device that nobody attached";
}

static bool vtd_audit(struct audit *audit, bool was_taken_over)
{
	const struct board_part *part = &audit->owner.hello.parts[0];
	struct vtd_oracle_view view = {
		.memory = audit->owner.parts[0], .memory_pa = part->pa, .memory_bytes = part->size,
		.cap = read_register(audit, Q35_VTD + VTD_ORACLE_CAP, 8),
		.ecap = read_register(audit, Q35_VTD + VTD_ORACLE_ECAP, 8),
		.rtaddr = read_register(audit, Q35_VTD + VTD_ORACLE_RTADDR, 8),
		.gsts = (uint32_t)read_register(audit, Q35_VTD + VTD_ORACLE_GSTS, 4),
	};
	uint32_t source = 0;
	const char *wrong;

	if (!was_taken_over && !(view.gsts >> 31))
		return false;
	wrong = vtd_oracle_read_all(&view, vtd_leaf, audit, &source);
	if (wrong)
		fail_msg("source 0x%" PRIx32 ": %s", source, wrong);
	return true;
}

/* --- by data ----------------------------------------------------------------------- */

static void try_write(int window, uint64_t iova)
{
	edu_start(window, EDU_BUFFER, iova, 64, EDU_TO_RAM);
	edu_wait(window);
}

/* The device tries to write where nobody granted: into the RAM that is lent. */
static void try_device(struct audit *audit, unsigned slot, const struct audit_addresses *granted)
{
	const struct board_part *part = &audit->owner.hello.parts[1];
	const uint64_t targets[] = { part->pa + 0x5000, UNGRANTED, UINT64_C(0x90000000) };
	uint8_t *bytes = audit->owner.parts[1];
	unsigned i;
	uint64_t id;
	int window;

	memset(bytes, MARK, MARKED);
	/* Killed while it sized this BAR: nobody can drive the device until that is mended. */
	if (board_window_open(audit->owner.fd, pci_bar0(&audit->owner, slot), 1 << 20, &window,
			      &id) < 0)
		return;
	pci_set_master(&audit->owner, slot, true);
	for (i = 0; i < ARRAY_COUNT(targets); i++)
		try_write(window, targets[i]);
	for (i = 0; i < granted->count; i++)
		if (slot != BOUND_SLOT || !grant_over(audit, granted->iovas[i], 64))
			try_write(window, granted->iovas[i]);
	pci_set_master(&audit->owner, slot, false);
	close(window);
	for (i = 0; i < MARKED; i++)
		if (bytes[i] != MARK)
			fail_msg("slot %u reached byte 0x%x of lent memory", slot, i);
}

void audit_board(struct rig *rig, const struct audit_addresses *granted, bool was_taken_over)
{
	const char *unit = rig->variant->compatible;
	bool is_on = was_taken_over;
	struct audit audit;

	audit_begin(&audit, rig);
	if (strcmp(unit, "arm,smmu-v3") == 0)
		is_on = smmuv3_audit(&audit, was_taken_over);
	else if (strcmp(unit, "intel,vt-d") == 0)
		is_on = vtd_audit(&audit, was_taken_over);
	if (is_on) {
		try_device(&audit, OTHER_SLOT, granted);
		try_device(&audit, BOUND_SLOT, granted);
	}
	board_owner_fini(&audit.owner);
}
