/* SPDX-License-Identifier: BSD-2-Clause -- Arm IHI 0070 (SMMUv3 architecture), revision F.b */
/*
 * Registers, table entries, commands and event records of an SMMUv3, as far as
 * this module uses them. A register's fields stand indented beneath it.
 */
#ifndef SMMUMAN_DRIVERS_SMMUV3_REGS_H
#define SMMUMAN_DRIVERS_SMMUV3_REGS_H

#include "bits.h"

/* Both register pages. */
#define SMMU_WINDOW_BYTES 0x20000u

#define SMMU_IDR0 0x0u
#define   IDR0_S2P	   BIT(0)
#define   IDR0_S1P	   BIT(1)
#define   IDR0_TTF	   BITS(3, 2)
#define     TTF_AARCH64	     2u /* this bit of the two */
#define   IDR0_COHACC	   BIT(4)
#define   IDR0_BTM	   BIT(5)
#define   IDR0_HYP	   BIT(9)
#define   IDR0_ATS	   BIT(10)
#define   IDR0_ASID16	   BIT(12)
#define   IDR0_MSI	   BIT(13)
#define   IDR0_PRI	   BIT(16)
#define   IDR0_VMID16	   BIT(18)
#define   IDR0_TTENDIAN	   BITS(22, 21)
#define     TTENDIAN_MIXED   0u
#define     TTENDIAN_LITTLE  2u
#define   IDR0_STALL_MODEL BITS(25, 24)
#define     STALL_MODEL_BOTH   0u
#define     STALL_MODEL_NEVER  1u
#define     STALL_MODEL_FORCED 2u
#define   IDR0_ST_LEVEL	   BITS(28, 27)

#define SMMU_IDR1 0x4u
#define   IDR1_SIDSIZE	     BITS(5, 0)
#define   IDR1_SSIDSIZE	     BITS(10, 6)
#define   IDR1_PRIQS	     BITS(15, 11)
#define   IDR1_EVENTQS	     BITS(20, 16)
#define   IDR1_CMDQS	     BITS(25, 21)
#define   IDR1_QUEUES_PRESET BIT(29)
#define   IDR1_TABLES_PRESET BIT(30)

#define SMMU_IDR3 0xcu
#define   IDR3_RIL BIT(10)

#define SMMU_IDR5 0x14u
#define   IDR5_OAS    BITS(2, 0)
#define     OAS_48	5u
#define   IDR5_GRAN4K BIT(4)

#define SMMU_AIDR 0x1cu
#define   AIDR_MINOR BITS(3, 0)
#define   AIDR_MAJOR BITS(7, 4)

#define SMMU_CR0    0x20u
#define SMMU_CR0ACK 0x24u
#define   CR0_SMMUEN   BIT(0)
#define   CR0_PRIQEN   BIT(1)
#define   CR0_EVENTQEN BIT(2)
#define   CR0_CMDQEN   BIT(3)
#define   CR0_ATSCHK   BIT(4)

#define SMMU_CR1 0x28u
#define   CR1_QUEUE_IC BITS(1, 0)
#define   CR1_QUEUE_OC BITS(3, 2)
#define   CR1_QUEUE_SH BITS(5, 4)
#define   CR1_TABLE_IC BITS(7, 6)
#define   CR1_TABLE_OC BITS(9, 8)
#define   CR1_TABLE_SH BITS(11, 10)
#define     CACHE_WRITE_BACK 1u
#define     SHARE_INNER	     3u

#define SMMU_CR2 0x2cu
#define   CR2_E2H	BIT(0)
#define   CR2_RECINVSID BIT(1)
#define   CR2_PTM	BIT(2)

#define SMMU_GBPA 0x44u
#define   GBPA_ABORT  BIT(20)
#define   GBPA_UPDATE BIT(31)

#define SMMU_IRQ_CTRL	 0x50u
#define SMMU_IRQ_CTRLACK 0x54u

#define SMMU_GERROR  0x60u
#define SMMU_GERRORN 0x64u
#define   GERROR_CMDQ	    BIT(0)
#define   GERROR_EVENTQ_ABT BIT(2)
#define   GERROR_PRIQ_ABT   BIT(3)
#define   GERROR_MSI_CMDQ   BIT(4)
#define   GERROR_MSI_EVENTQ BIT(5)
#define   GERROR_MSI_PRIQ   BIT(6)
#define   GERROR_MSI_GERROR BIT(7)
#define   GERROR_SFM	    BIT(8)
#define   GERROR_CMDQP	    BIT(9)
#define   GERROR_DPT	    BIT(10)

#define SMMU_GERROR_IRQ_CFG0 0x68u

#define SMMU_STRTAB_BASE 0x80u
#define   STRTAB_BASE_ADDR BITS(51, 6)
#define   STRTAB_BASE_RA   BIT(62)

#define SMMU_STRTAB_BASE_CFG 0x88u
#define   STRTAB_CFG_LOG2SIZE BITS(5, 0)
#define   STRTAB_CFG_SPLIT    BITS(10, 6)
#define   STRTAB_CFG_FMT      BITS(17, 16)
#define     STRTAB_LINEAR	0u
#define     STRTAB_TWO_LEVEL	1u

#define SMMU_CMDQ_BASE 0x90u
#define   Q_BASE_LOG2SIZE BITS(4, 0)
#define   Q_BASE_ADDR	  BITS(51, 5)
#define   Q_BASE_HINT	  BIT(62) /* read- or write-allocate */
#define SMMU_CMDQ_PROD 0x98u
#define SMMU_CMDQ_CONS 0x9cu
#define   Q_INDEX	  BITS(19, 0) /* the wrap bit is bit log2size of it */
#define   CMDQ_CONS_ERR	  BITS(30, 24)
#define     CERROR_NONE		0u
#define     CERROR_ILL		1u
#define     CERROR_ABT		2u
#define     CERROR_ATC_INV_SYNC 3u

#define SMMU_EVENTQ_BASE     0xa0u
#define SMMU_EVENTQ_IRQ_CFG0 0xb0u
#define SMMU_PRIQ_IRQ_CFG0   0xd0u
#define SMMU_EVENTQ_PROD     0x100a8u
#define SMMU_EVENTQ_CONS     0x100acu
#define   EVENTQ_OVERFLOW  BIT(31) /* OVFLG and OVACKFLG */

/* Stream table: level 1 descriptor, one word. */
#define L1STD_SPAN   BITS(4, 0)
#define L1STD_L2PTR  BITS(51, 6)

/* Stream table entry: eight words, word number in the name. */
#define STE_WORDS 8u
#define STE_BYTES 64u
#define STE0_V	      BIT(0)
#define STE0_CONFIG   BITS(3, 1)
#define   CONFIG_ABORT	0u
#define   CONFIG_BYPASS 4u
#define   CONFIG_S1	5u
#define   CONFIG_S2	6u
#define STE0_S1FMT    BITS(5, 4)
#define STE0_S1CTXPTR BITS(51, 6)
#define STE0_S1CDMAX  BITS(63, 59)
#define STE1_S1DSS    BITS(1, 0)
#define STE1_S1CIR    BITS(3, 2)
#define STE1_S1COR    BITS(5, 4)
#define STE1_S1CSH    BITS(7, 6)
#define STE1_S1STALLD BIT(27)
#define STE1_EATS     BITS(29, 28)
#define STE1_STRW     BITS(31, 30)
#define STE1_SHCFG    BITS(45, 44)
#define   SHCFG_INCOMING 1u
#define STE2_S2VMID   BITS(15, 0)
#define STE2_S2T0SZ   BITS(37, 32)
#define STE2_S2SL0    BITS(39, 38)
#define STE2_S2IR0    BITS(41, 40)
#define STE2_S2OR0    BITS(43, 42)
#define STE2_S2SH0    BITS(45, 44)
#define STE2_S2TG     BITS(47, 46)
#define STE2_S2PS     BITS(50, 48)
#define STE2_S2AA64   BIT(51)
#define STE2_S2ENDI   BIT(52)
#define STE2_S2AFFD   BIT(53)
#define STE2_S2PTW    BIT(54)
#define STE2_S2HD     BIT(55)
#define STE2_S2HA     BIT(56)
#define STE2_S2S      BIT(57)
#define STE2_S2R      BIT(58)
#define STE3_S2TTB    BITS(51, 4)

/* Context descriptor: eight words. */
#define CD_WORDS 8u
#define CD_BYTES 64u
#define CD0_T0SZ BITS(5, 0)
#define CD0_TG0	 BITS(7, 6)
#define CD0_IR0	 BITS(9, 8)
#define CD0_OR0	 BITS(11, 10)
#define CD0_SH0	 BITS(13, 12)
#define CD0_EPD0 BIT(14)
#define CD0_ENDI BIT(15)
#define CD0_EPD1 BIT(30)
#define CD0_V	 BIT(31)
#define CD0_IPS	 BITS(34, 32)
#define CD0_AA64 BIT(41)
#define CD0_HD	 BIT(42)
#define CD0_HA	 BIT(43)
#define CD0_S	 BIT(44)
#define CD0_R	 BIT(45)
#define CD0_A	 BIT(46)
#define CD0_ASET BIT(47)
#define CD0_ASID BITS(63, 48)
#define CD1_TTB0 BITS(51, 4)
/* Attribute 0: normal memory, write-back, read- and write-allocate. */
#define CD3_MAIR 0xffu

/* Commands: two words. */
#define CMD_BYTES 16u
#define CMD0_OPCODE BITS(7, 0)
#define   CMD_CFGI_STE	      0x03u
#define   CMD_CFGI_STE_RANGE  0x04u
#define   CMD_TLBI_NH_ASID    0x11u
#define   CMD_TLBI_NH_VA      0x12u
#define   CMD_TLBI_EL2_ALL    0x20u
#define   CMD_TLBI_S12_VMALL  0x28u
#define   CMD_TLBI_S2_IPA     0x2au
#define   CMD_TLBI_NSNH_ALL   0x30u
#define   CMD_SYNC	      0x46u
#define CMD0_CFGI_SID	  BITS(63, 32)
#define CMD1_CFGI_LEAF	  BIT(0)
#define CMD1_CFGI_RANGE	  BITS(4, 0)
#define   CFGI_RANGE_ALL    31u
#define CMD0_TLBI_NUM	  BITS(16, 12)
#define CMD0_TLBI_SCALE	  BITS(24, 20)
#define CMD0_TLBI_VMID	  BITS(47, 32)
#define CMD0_TLBI_ASID	  BITS(63, 48)
#define CMD1_TLBI_LEAF	  BIT(0)
#define CMD1_TLBI_TTL	  BITS(9, 8)
#define CMD1_TLBI_TG	  BITS(11, 10)
#define   TLBI_TG_4K	    1u
#define CMD1_TLBI_ADDRESS BITS(63, 12)
#define CMD0_SYNC_CS	  BITS(13, 12) /* 0: completion shows in CMDQ_CONS alone */

/* Event records: four words. */
#define EVENT_WORDS 4u
#define EVENT_BYTES 32u
#define EVENT0_TYPE  BITS(7, 0)
#define EVENT0_SSV   BIT(11)
#define EVENT0_SSID  BITS(31, 12)
#define EVENT0_SID   BITS(63, 32)
#define EVENT1_STALL BIT(31)
#define EVENT1_PNU   BIT(33)
#define EVENT1_IND   BIT(34)
#define EVENT1_RNW   BIT(35)
#define EVENT1_S2    BIT(39)
#define EVENT1_CLASS BITS(41, 40)
#define   CLASS_CD     0u
#define   CLASS_TT     1u
#define   CLASS_IN     2u
#define EVENT3_IPA   BITS(55, 12)

/* Masks that share no bit add up to what they join to. */
#define SUM_(a, b, c, d, e, f, g, h, ...) ((a) + (b) + (c) + (d) + (e) + (f) + (g) + (h))
#define OR_(a, b, c, d, e, f, g, h, ...) ((a) | (b) | (c) | (d) | (e) | (f) | (g) | (h))
#define ASSERT_DISJOINT(...) \
	_Static_assert(SUM_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0) == \
			       OR_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0), \
		       "two fields of one word overlap")

ASSERT_DISJOINT(IDR0_S2P | IDR0_S1P, IDR0_TTF, IDR0_COHACC | IDR0_BTM | IDR0_HYP,
		IDR0_ATS | IDR0_ASID16 | IDR0_MSI, IDR0_PRI | IDR0_VMID16, IDR0_TTENDIAN,
		IDR0_STALL_MODEL, IDR0_ST_LEVEL);
ASSERT_DISJOINT(IDR1_SIDSIZE, IDR1_SSIDSIZE, IDR1_PRIQS, IDR1_EVENTQS, IDR1_CMDQS,
		IDR1_QUEUES_PRESET, IDR1_TABLES_PRESET);
ASSERT_DISJOINT(CR0_SMMUEN, CR0_PRIQEN, CR0_EVENTQEN, CR0_CMDQEN, CR0_ATSCHK);
ASSERT_DISJOINT(CR1_QUEUE_IC, CR1_QUEUE_OC, CR1_QUEUE_SH, CR1_TABLE_IC, CR1_TABLE_OC,
		CR1_TABLE_SH);
ASSERT_DISJOINT(GERROR_CMDQ, GERROR_EVENTQ_ABT, GERROR_PRIQ_ABT | GERROR_DPT,
		GERROR_MSI_CMDQ | GERROR_CMDQP, GERROR_MSI_EVENTQ, GERROR_MSI_PRIQ,
		GERROR_MSI_GERROR, GERROR_SFM);
ASSERT_DISJOINT(STRTAB_CFG_LOG2SIZE, STRTAB_CFG_SPLIT, STRTAB_CFG_FMT);
ASSERT_DISJOINT(Q_BASE_LOG2SIZE, Q_BASE_ADDR, Q_BASE_HINT);
ASSERT_DISJOINT(Q_INDEX, CMDQ_CONS_ERR, EVENTQ_OVERFLOW);
ASSERT_DISJOINT(L1STD_SPAN, L1STD_L2PTR);
ASSERT_DISJOINT(STE0_V, STE0_CONFIG, STE0_S1FMT, STE0_S1CTXPTR, STE0_S1CDMAX);
ASSERT_DISJOINT(STE1_S1DSS, STE1_S1CIR, STE1_S1COR, STE1_S1CSH, STE1_S1STALLD, STE1_EATS,
		STE1_STRW, STE1_SHCFG);
ASSERT_DISJOINT(STE2_S2VMID, STE2_S2T0SZ, STE2_S2SL0, STE2_S2IR0, STE2_S2OR0, STE2_S2SH0,
		STE2_S2TG, STE2_S2PS);
ASSERT_DISJOINT(STE2_S2PS | STE2_S2AA64, STE2_S2ENDI, STE2_S2AFFD, STE2_S2PTW, STE2_S2HD,
		STE2_S2HA, STE2_S2S, STE2_S2R);
ASSERT_DISJOINT(CD0_T0SZ | CD0_TG0, CD0_IR0, CD0_OR0, CD0_SH0, CD0_EPD0 | CD0_ENDI, CD0_EPD1,
		CD0_V, CD0_IPS);
ASSERT_DISJOINT(CD0_IPS, CD0_AA64, CD0_HD | CD0_HA, CD0_S, CD0_R, CD0_A, CD0_ASET, CD0_ASID);
ASSERT_DISJOINT(CMD0_OPCODE, CMD0_TLBI_NUM, CMD0_TLBI_SCALE, CMD0_TLBI_VMID, CMD0_TLBI_ASID);
ASSERT_DISJOINT(CMD1_TLBI_LEAF, CMD1_TLBI_TTL, CMD1_TLBI_TG, CMD1_TLBI_ADDRESS);
ASSERT_DISJOINT(EVENT0_TYPE, EVENT0_SSV, EVENT0_SSID, EVENT0_SID);
ASSERT_DISJOINT(EVENT1_STALL, EVENT1_PNU, EVENT1_IND, EVENT1_RNW, EVENT1_S2, EVENT1_CLASS);

#endif
