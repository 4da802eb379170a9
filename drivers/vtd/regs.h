/* SPDX-License-Identifier: BSD-2-Clause -- Intel VT-d architecture specification, revision 4.1 */
/*
 * Registers, table entries, invalidation descriptors and fault records of a
 * VT-d unit, as far as this module uses them. A register's fields stand
 * indented beneath it.
 */
#ifndef SMMUMAN_DRIVERS_VTD_REGS_H
#define SMMUMAN_DRIVERS_VTD_REGS_H

#include "bits.h"

/* What every unit has; more where the fault records lie beyond it. */
#define VTD_WINDOW_BYTES 0x1000u

#define VTD_VER 0x0u
#define   VER_MIN BITS(3, 0)
#define   VER_MAX BITS(7, 4)

#define VTD_CAP 0x8u
#define   CAP_ND     BITS(2, 0) /* domain ids of 4 + 2 * ND bits */
#define     ND_RESERVED	7u
#define   CAP_RWBF   BIT(4)
#define   CAP_PLMR   BIT(5)
#define   CAP_PHMR   BIT(6)
#define   CAP_CM     BIT(7)
#define   CAP_SAGAW  BITS(12, 8)
#define     SAGAW_39   2u /* this bit of the five: three levels */
#define     SAGAW_48   4u
#define   CAP_MGAW   BITS(21, 16) /* address width - 1 */
#define   CAP_FRO    BITS(33, 24) /* in 16 bytes */
#define   CAP_SLLPS  BITS(37, 34)
#define     SLLPS_2M   1u
#define     SLLPS_1G   2u
#define   CAP_PSI    BIT(39)
#define   CAP_NFR    BITS(47, 40) /* fault records - 1 */
#define   CAP_MAMV   BITS(53, 48)
#define   CAP_DWD    BIT(54)
#define   CAP_DRD    BIT(55)
#define   CAP_FL1GP  BIT(56)
#define   CAP_ESRTPS BIT(63)

#define VTD_ECAP 0x10u
#define   ECAP_C     BIT(0)
#define   ECAP_QI    BIT(1)
#define   ECAP_SC    BIT(7) /* snoop control */
#define   ECAP_IRO   BITS(17, 8) /* in 16 bytes */
#define   ECAP_PRS   BIT(29)
#define   ECAP_SMTS  BIT(43)
#define   ECAP_SSTS  BIT(46)
#define   ECAP_FSTS  BIT(47)
#define   ECAP_SMPWC BIT(48)

#define VTD_GCMD 0x18u
#define VTD_GSTS 0x1cu
#define   GCMD_CFI  BIT(23)
#define   GCMD_SIRTP BIT(24)
#define   GCMD_IRE  BIT(25)
#define   GCMD_QIE  BIT(26)
#define   GCMD_WBF  BIT(27)
#define   GCMD_EAFL BIT(28)
#define   GCMD_SFL  BIT(29)
#define   GCMD_SRTP BIT(30)
#define   GCMD_TE   BIT(31)
/* Status bits that are commands too and must be repeated to stay. */
#define   GCMD_LASTING (GCMD_TE | GCMD_EAFL | GCMD_QIE | GCMD_IRE | GCMD_CFI)

#define VTD_RTADDR 0x20u
#define   RTADDR_TTM  BITS(11, 10)
#define     TTM_LEGACY	 0u
#define     TTM_SCALABLE 1u
#define   RTADDR_ADDR BITS(63, 12)

#define VTD_CCMD 0x28u
#define   CCMD_DID  BITS(15, 0)
#define   CCMD_SID  BITS(31, 16)
#define   CCMD_CAIG BITS(60, 59) /* what was done; 0: nothing */
#define   CCMD_CIRG BITS(62, 61)
#define   CCMD_ICC  BIT(63)

#define VTD_FSTS 0x34u
#define   FSTS_PFO BIT(0)
#define   FSTS_PPF BIT(1)
#define   FSTS_AFO BIT(2)
#define   FSTS_APF BIT(3)
#define   FSTS_IQE BIT(4)
#define   FSTS_ICE BIT(5)
#define   FSTS_ITE BIT(6)
#define   FSTS_QUEUE (FSTS_IQE | FSTS_ICE | FSTS_ITE)
#define   FSTS_FRI BITS(15, 8)

#define VTD_FECTL 0x38u
#define   EVENT_MASKED BIT(31) /* also of IECTL and PECTL */

#define VTD_PMEN 0x64u
#define   PMEN_PRS BIT(0)
#define   PMEN_EPM BIT(31)

#define VTD_IQH 0x80u
#define VTD_IQT 0x88u
#define   IQ_OFFSET BITS(18, 4) /* in 16 bytes, of wide descriptors too */
#define VTD_IQA 0x90u
#define   IQA_QS   BITS(2, 0) /* log2 of pages */
#define   IQA_DW   BIT(11)    /* descriptors of 256 bits */
#define   IQA_ADDR BITS(63, 12)
#define VTD_IECTL 0xa0u
#define VTD_PECTL 0xe0u

/* At ECAP.IRO. */
#define VTD_IVA_AT_IRO	 0x0u
#define VTD_IOTLB_AT_IRO 0x8u
#define   IOTLB_DID  BITS(47, 32)
#define   IOTLB_DW   BIT(48)
#define   IOTLB_DR   BIT(49)
#define   IOTLB_IAIG BITS(58, 57) /* what was done; 0: nothing */
#define   IOTLB_IIRG BITS(61, 60)
#define   IOTLB_IVT  BIT(63)

/* At CAP.FRO: fault recording registers of two words. */
#define FRCD_BYTES 16u
#define FRCD_WORDS 2u
#define FRCD0_FI   BITS(63, 12)
#define FRCD1_SID  BITS(15, 0)
#define FRCD1_T2   BIT(28) /* of the type: T1 and T2 */
#define FRCD1_EXE  BIT(30)
#define FRCD1_PP   BIT(31)
#define FRCD1_FR   BITS(39, 32)
#define FRCD1_PV   BITS(59, 40)
#define FRCD1_AT   BITS(61, 60)
#define   AT_UNTRANSLATED 0u
#define   AT_TRANSLATION  1u
#define   AT_TRANSLATED   2u
#define FRCD1_T1   BIT(62)
#define FRCD1_F    BIT(63)
/* The half of it that holds F, which a one clears. */
#define FRCD_F_OFFSET 12u
#define FRCD_F_BIT    BIT(31)

/* Root entry: two words; scalable mode uses the second for device numbers from 16 on. */
#define ROOT_WORDS 2u
#define ROOT_P	   BIT(0)
#define ROOT_CTP   BITS(63, 12)

/* Context entry of legacy mode. */
#define CONTEXT_WORDS 2u
#define CONTEXT0_P   BIT(0)
#define CONTEXT0_FPD BIT(1) /* counts in an entry that is not present, too */
#define CONTEXT0_TT  BITS(3, 2)
#define   TT_UNTRANSLATED 0u /* the table; translation requests are refused */
#define CONTEXT0_SSPTPTR BITS(63, 12)
#define CONTEXT1_AW  BITS(2, 0)
#define   AW_39	  1u
#define   AW_48	  2u
#define CONTEXT1_DID BITS(23, 8)

/* Context entry of scalable mode; P and FPD as above. */
#define SM_CONTEXT_WORDS 4u
#define SM_CONTEXT0_PDTS     BITS(11, 9) /* log2 of directory entries - 7 */
#define SM_CONTEXT0_PASIDDIR BITS(63, 12)
#define SM_CONTEXT1_RID_PASID BITS(19, 0)

/* PASID directory entry: one word; PASID table entry: eight. */
#define PASID_DIR_P	BIT(0)
#define PASID_DIR_TABLE BITS(63, 12)
#define PASID_WORDS	8u
#define PASID0_P	BIT(0)
#define PASID0_AW	BITS(4, 2)
#define PASID0_PGTT	BITS(8, 6)
#define   PGTT_FIRST	1u
#define   PGTT_SECOND	2u
#define PASID0_SSPTPTR	BITS(63, 12)
#define PASID1_DID	BITS(15, 0)
#define PASID1_PWSNP	BIT(23)
#define PASID1_PGSNP	BIT(24)
#define PASID2_FSPM	BITS(3, 2) /* 0: four levels */
#define PASID2_FSPTPTR	BITS(63, 12)

/* Invalidation descriptors: two words that mean something, wide ones two more. */
#define DESC0_TYPE	BITS(3, 0)
#define   DESC_CONTEXT	  1u
#define   DESC_IOTLB	  2u
#define   DESC_WAIT	  5u
#define   DESC_PASID_IOTLB 6u
#define   DESC_PASID_CACHE 7u
#define DESC0_G		BITS(5, 4)
#define   G_GLOBAL	1u
#define   G_DOMAIN	2u
#define   G_DEVICE	3u /* of the context cache */
#define   G_PAGES	3u /* of the IOTLB */
#define   G_PASID_CACHE_DOMAIN 0u
#define   G_PASID_CACHE_GLOBAL 3u
#define   G_PASID_ALL	2u /* all that one PASID of one domain has */
#define   G_PASID_PAGES	3u
#define DESC0_DW	BIT(6)
#define DESC0_DR	BIT(7)
#define DESC0_DID	BITS(31, 16)
#define DESC0_SID	BITS(47, 32)
#define DESC0_PASID	BITS(51, 32)
#define DESC0_SW	BIT(5)
#define DESC0_FN	BIT(6)
#define DESC0_STATUS	BITS(63, 32)
#define DESC1_AM	BITS(5, 0)
#define DESC1_IH	BIT(6)
#define DESC1_ADDR	BITS(63, 12)
#define DESC1_STATUS	BITS(63, 2)

/* Writes here are interrupt messages, whatever the tables say. */
#define INTERRUPT_BASE	UINT64_C(0xfee00000)
#define INTERRUPT_BYTES UINT64_C(0x100000)

_Static_assert((CAP_ND & (CAP_RWBF | CAP_PLMR | CAP_PHMR | CAP_CM | CAP_SAGAW)) == 0 &&
	       (CAP_SAGAW & CAP_MGAW) == 0 && (CAP_MGAW & CAP_FRO) == 0 &&
	       (CAP_FRO & CAP_SLLPS) == 0 && (CAP_SLLPS & CAP_PSI) == 0 &&
	       (CAP_NFR & (CAP_PSI | CAP_MAMV)) == 0 && (CAP_MAMV & (CAP_DWD | CAP_DRD)) == 0,
	       "CAP_REG fields overlap");
_Static_assert((FRCD1_SID & FRCD1_T2) == 0 && (FRCD1_FR & FRCD1_PV) == 0 &&
	       (FRCD1_PV & FRCD1_AT) == 0 && (FRCD1_AT & (FRCD1_T1 | FRCD1_F)) == 0 &&
	       (FRCD1_PP & (FRCD1_FR | FRCD1_EXE)) == 0, "fault record fields overlap");
_Static_assert((IOTLB_DID & (IOTLB_DW | IOTLB_DR)) == 0 && (IOTLB_IAIG & IOTLB_IIRG) == 0 &&
	       (IOTLB_IIRG & IOTLB_IVT) == 0 && (CCMD_DID & CCMD_SID) == 0 &&
	       (CCMD_CAIG & CCMD_CIRG) == 0 && (CCMD_CIRG & CCMD_ICC) == 0,
	       "CCMD_REG or IOTLB_REG fields overlap");
_Static_assert((PASID0_P & PASID0_AW) == 0 && (PASID0_AW & PASID0_PGTT) == 0 &&
	       (PASID0_PGTT & PASID0_SSPTPTR) == 0 && (PASID1_DID & (PASID1_PWSNP | PASID1_PGSNP)) == 0 &&
	       (SM_CONTEXT0_PDTS & SM_CONTEXT0_PASIDDIR) == 0 && (CONTEXT1_AW & CONTEXT1_DID) == 0,
	       "table entry fields overlap");
_Static_assert((DESC0_TYPE & DESC0_G) == 0 && (DESC0_DR & DESC0_DID) == 0 &&
	       (DESC0_DID & DESC0_SID) == 0 && (DESC1_AM & DESC1_IH) == 0,
	       "descriptor fields overlap");

#endif
