/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for the loop, which gives up on the whole process when it gets none. */
#ifndef SMMUMAN_SMMUMAN_SERVER_MEMORY_H
#define SMMUMAN_SMMUMAN_SERVER_MEMORY_H

/* Before any other call of libuv. */
void server_memory_init(void);

#endif
