/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NVM Express Base Specification 2.0c and NVM Command Set Specification 1.0c:
 * what this driver uses of them. 3.1 controller properties, 3.3 queues and
 * their entries, 4.1 PRPs, 5 admin commands; in the other, 3.2 read and write.
 */
#ifndef NVME_SPEC_H
#define NVME_SPEC_H

#include <stdint.h>

/* --- properties: offsets in BAR 0, their fields beneath ------------------------------ */

#define NVME_CAP 0x00u /* 64 bits */
#define   CAP_MQES(cap) ((uint32_t)((cap) & 0xffff))	   /* entries of a queue, less one */
#define   CAP_TO(cap) ((uint32_t)((cap) >> 24 & 0xff))	   /* 500 ms each, to become ready */
#define   CAP_DSTRD(cap) ((uint32_t)((cap) >> 32 & 0xf))   /* 4 << this between doorbells */
#define   CAP_CSS_NVM(cap) ((uint32_t)((cap) >> 37 & 0x1)) /* it has the NVM command set */
#define   CAP_MPSMIN(cap) ((uint32_t)((cap) >> 48 & 0xf))  /* smallest page: 4096 << this */
#define NVME_CC 0x14u
#define   CC_ENABLE 0x1u
#define   CC_SHUTDOWN_NORMAL (1u << 14)
#define   CC_ENTRY_SIZES (6u << 16 | 4u << 20) /* of submissions, completions: powers of 2 */
#define NVME_CSTS 0x1cu
#define   CSTS_READY 0x1u
#define   CSTS_FATAL 0x2u
#define   CSTS_SHUTDOWN_MASK 0xcu
#define   CSTS_SHUTDOWN_DONE 0x8u
#define NVME_AQA 0x24u
#define   AQA(entries) (((entries) - 1) << 16 | ((entries) - 1))
#define NVME_ASQ 0x28u /* 64 bits */
#define NVME_ACQ 0x30u /* 64 bits */
#define NVME_DOORBELLS 0x1000u

/* --- queue entries --------------------------------------------------------------------- */

struct nvme_command {
	uint8_t opcode;
	uint8_t flags; /* 0: not fused, its data is told by PRPs */
	uint16_t id;
	uint32_t nsid;
	uint32_t zero[2];
	uint64_t metadata;
	uint64_t prp1, prp2;
	uint32_t dword[6]; /* 10 to 15 of the specification */
};

_Static_assert(sizeof(struct nvme_command) == 64, "a submission queue entry has 64 bytes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "NVMe is little-endian");

#define NVME_COMPLETION_WORDS 4u /* of 32 bits */
#define NVME_COMPLETION_BYTES (NVME_COMPLETION_WORDS * sizeof(uint32_t))
#define   COMPLETION_SQ_HEAD(word2) ((uint16_t)((word2) & 0xffff))
#define   COMPLETION_SQ_ID(word2) ((uint16_t)((word2) >> 16))
#define   COMPLETION_ID(word3) ((uint16_t)((word3) & 0xffff))
#define   COMPLETION_PHASE(word3) ((word3) >> 16 & 1)
#define   COMPLETION_STATUS(word3) ((uint16_t)((word3) >> 17))

/* The status field of a completion. */
#define STATUS_CODE(status) ((status) & 0xff)
#define STATUS_TYPE(status) ((status) >> 8 & 0x7)
#define STATUS_NO_RETRY 0x4000u

/* --- commands -------------------------------------------------------------------------- */

enum nvme_admin_opcode {
	ADMIN_CREATE_SQ = 0x01,
	ADMIN_CREATE_CQ = 0x05,
	ADMIN_IDENTIFY = 0x06,
	ADMIN_SET_FEATURES = 0x09
};

#define FEATURE_QUEUES 0x07u
#define QUEUE_CONTIGUOUS 0x1u

enum nvme_io_opcode { IO_WRITE = 0x01, IO_READ = 0x02 };

/* --- what Identify returns: 4096 bytes each ---------------------------------------------- */

#define IDENTIFY_BYTES 4096u
#define IDENTIFY_NAMESPACE 0x00u
#define   NS_SIZE 0u	  /* 64 bits: blocks */
#define   NS_FORMATS 25u  /* formats there are, less one */
#define   NS_FORMAT 26u	  /* the one in use: bits 3:0, and 6:5 above them */
#define   NS_PROTECTION 29u
#define     NS_PROTECTION_MASK 0x7u
#define   NS_FORMAT_TABLE 128u /* 32 bits each */
#define     FORMAT_METADATA(format) ((format) & 0xffff)
#define     FORMAT_SHIFT(format) ((format) >> 16 & 0xff)
#define     FORMATS_MAX 64u
#define IDENTIFY_CONTROLLER 0x01u
#define   CTRL_SERIAL 4u
#define   CTRL_MODEL 24u
#define   CTRL_FIRMWARE 64u
#define   CTRL_MDTS 77u /* most a command moves: pages << this; 0: no limit */
#define   CTRL_SQES 512u
#define   CTRL_CQES 513u
#define   CTRL_NAMESPACES 516u /* 32 bits: the highest namespace number */

#endif
