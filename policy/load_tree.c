// SPDX-License-Identifier: BSD-2-Clause
/*
 * YAML to a tree, bounded in depth and number. Only a plain subset passes: no
 * anchors, aliases, tags, directives or second documents. The one file that
 * knows libyaml.
 */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define CHUNK_BYTES 8192u

struct load_chunk {
	struct load_chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char memory[];
};

/* The tree under construction: the collections that are still open. */
struct builder {
	struct load *load;
	struct load_node *open[LOAD_DEPTH_MAX];
	bool awaits_value[LOAD_DEPTH_MAX]; /* a mapping whose last child is a key */
	uint32_t depth, node_count, document_count;
	struct load_node *root;
};

/* Memory that lives as long as the tree; NULL sets the status. */
static void *tree_alloc(struct load *load, size_t bytes)
{
	struct load_chunk *chunk = load->chunks;
	void *memory;

	bytes = (bytes + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!chunk || chunk->size - chunk->used < bytes) {
		size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;

		chunk = malloc(sizeof(*chunk) + size);
		if (!chunk) {
			load->status = -ENOMEM;
			return NULL;
		}
		*chunk = (struct load_chunk){ .next = load->chunks, .size = size };
		load->chunks = chunk;
	}
	memory = chunk->memory + chunk->used;
	chunk->used += bytes;
	return memory;
}

void load_tree_free(struct load *load)
{
	struct load_chunk *next;

	for (; load->chunks; load->chunks = next) {
		next = load->chunks->next;
		free(load->chunks);
	}
}

static struct load_mark mark_of(yaml_mark_t mark)
{
	return (struct load_mark){ (uint32_t)mark.line + 1, (uint32_t)mark.column + 1 };
}

static int refuse(struct load *load, struct load_mark mark, const char *why)
{
	load_error(load, mark, "%s", why);
	return -1;
}

/* A text of the tree's own; NULL when memory is out. */
static const char *tree_copy(struct load *load, const yaml_char_t *text, size_t length)
{
	char *copy = tree_alloc(load, length + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

/* Hangs a node into the innermost open collection. */
static int node_place(struct builder *b, struct load_node *node)
{
	struct load_node *parent = b->depth ? b->open[b->depth - 1] : NULL;
	bool is_key = parent && parent->kind == LOAD_MAP && !b->awaits_value[b->depth - 1];

	if (!parent) {
		b->root = node;
		return 0;
	}
	if (is_key && node->kind != LOAD_SCALAR)
		return refuse(b->load, node->mark, "a list or mapping where a key belongs");
	if (is_key && parent->count == LOAD_KEYS_MAX)
		return refuse(b->load, node->mark, "too many keys in one mapping");
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	if (parent->kind == LOAD_LIST || is_key)
		parent->count++;
	b->awaits_value[b->depth - 1] = is_key;
	return 0;
}

static struct load_node *node_add(struct builder *b, enum load_kind kind, yaml_mark_t mark)
{
	struct load_node *node;

	if (b->node_count++ == LOAD_NODES_MAX) {
		refuse(b->load, mark_of(mark), "too many entries in this file");
		return NULL;
	}
	node = tree_alloc(b->load, sizeof(*node));
	if (!node)
		return NULL;
	*node = (struct load_node){ .kind = kind, .mark = mark_of(mark) };
	return node_place(b, node) ? NULL : node;
}

/* Anchors and tags change what a text means behind the reader's back. */
static int plain_only(struct load *load, yaml_mark_t mark, const yaml_char_t *anchor,
		      const yaml_char_t *tag)
{
	if (anchor)
		return refuse(load, mark_of(mark),
			      "an anchor (&): a policy has none; write the value out");
	if (tag)
		return refuse(load, mark_of(mark), "a tag (!): a policy has none; remove it");
	return 0;
}

static int on_document(struct builder *b, const yaml_event_t *event)
{
	if (b->document_count++ > 0)
		return refuse(b->load, mark_of(event->start_mark),
			      "a second document; a policy is one document");
	if (event->data.document_start.version_directive ||
	    event->data.document_start.tag_directives.start !=
		    event->data.document_start.tag_directives.end)
		return refuse(b->load, mark_of(event->start_mark),
			      "a % directive: a policy has none; remove it");
	return 0;
}

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
	const yaml_char_t *text = event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct load_node *node;

	if (plain_only(b->load, event->start_mark, event->data.scalar.anchor,
		       event->data.scalar.tag))
		return -1;
	if (memchr(text, '\0', length))
		return refuse(b->load, mark_of(event->start_mark), "a NUL character in a text");
	node = node_add(b, LOAD_SCALAR, event->start_mark);
	if (!node)
		return -1;
	node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = tree_copy(b->load, text, length);
	return node->text ? 0 : -1;
}

static int on_open(struct builder *b, const yaml_event_t *event)
{
	bool is_list = event->type == YAML_SEQUENCE_START_EVENT;
	struct load_node *node;

	if (plain_only(b->load, event->start_mark,
		       is_list ? event->data.sequence_start.anchor :
				 event->data.mapping_start.anchor,
		       is_list ? event->data.sequence_start.tag : event->data.mapping_start.tag))
		return -1;
	if (b->depth == LOAD_DEPTH_MAX)
		return refuse(b->load, mark_of(event->start_mark),
			      "lists and mappings nested more than 16 deep");
	node = node_add(b, is_list ? LOAD_LIST : LOAD_MAP, event->start_mark);
	if (!node)
		return -1;
	b->open[b->depth] = node;
	b->awaits_value[b->depth++] = false;
	return 0;
}

static int on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, event);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return on_open(b, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(b->load, mark_of(event->start_mark),
			      "an alias (*): a policy has none; write the value out");
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	default:
		return 0;
	}
}

/* What libyaml could not read, in its words and, where they help, in ours. */
static void syntax_error(struct load *load, const yaml_parser_t *parser)
{
	const char *context = parser->context ? parser->context : "";
	const char *problem = parser->problem ? parser->problem : "unreadable";
	struct load_mark mark = mark_of(parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		load->status = -ENOMEM;
	else if (parser->error == YAML_READER_ERROR)
		load_error(load, load_mark_of_byte(load, parser->problem_offset),
			   "not UTF-8 text: %s", problem);
	else if (strstr(context, "alias"))
		load_error(load, mark, "a * starts an alias, which a policy has not; "
				       "quote it: \"*\"");
	else if (strstr(context, "anchor"))
		load_error(load, mark, "a & starts an anchor, which a policy has not; quote it");
	else
		load_error(load, mark, "not YAML: %s%s%s", problem, *context ? " " : "", context);
}

static int build(struct builder *b, yaml_parser_t *parser)
{
	yaml_event_type_t type = YAML_NO_EVENT;
	yaml_event_t event;
	int err;

	while (type != YAML_STREAM_END_EVENT) {
		if (!yaml_parser_parse(parser, &event)) {
			syntax_error(b->load, parser);
			return -1;
		}
		type = event.type;
		err = on_event(b, &event);
		yaml_event_delete(&event);
		if (err)
			return -1;
	}
	return 0;
}

const struct load_node *load_tree(struct load *load)
{
	struct builder b = { .load = load };
	yaml_parser_t parser;
	int err;

	if (!yaml_parser_initialize(&parser)) {
		load->status = -ENOMEM;
		return NULL;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)load->bytes, load->length);
	err = build(&b, &parser);
	yaml_parser_delete(&parser);
	if (err)
		return NULL;
	if (!b.root)
		load_error(load, (struct load_mark){ 0, 0 },
			   "the policy is empty; the least one is the line \"version: 1\"");
	return b.root;
}
