/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trace
 */

#include "trace.h"

#include <string.h>

bool trace_event_is_reboot(const TraceEvent *event, const char *boot)
{
        return event->kind == TRACE_START && boot && strcmp(boot, trace_payload(event)) != 0;
}

typedef struct Sync {
        DiskNode *node;
        uint64_t covers;
} Sync;

struct Replay {
        Disk *disk;
        const char *boot;
        GHashTable *nodes; /* TraceNode -> DiskNode */
        GHashTable *syncs; /* serial -> Sync, under way */
};

static int read_events(Trace *trace)
{
        const char *bytes = g_mapped_file_get_contents(trace->file);
        size_t n_bytes = g_mapped_file_get_length(trace->file);
        size_t at = 0;

        while (at < n_bytes) {
                TraceEvent *event = g_malloc0(sizeof *event);

                /* A process that was killed may have left its last event by half. */
                if (n_bytes - at < sizeof *event) {
                        g_free(event);
                        return 0;
                }
                memcpy(event, bytes + at, sizeof *event);
                if (event->kind < TRACE_START || event->kind > TRACE_GIVEN ||
                    event->payload_bytes > n_bytes - at - sizeof *event) {
                        g_free(event);
                        return -1;
                }
                event = g_realloc(event, sizeof *event + event->payload_bytes + 1);
                memcpy(event + 1, bytes + at + sizeof *event, event->payload_bytes);
                ((char *) (event + 1))[event->payload_bytes] = '\0';
                g_ptr_array_add(trace->events, event);
                at += sizeof *event + event->payload_bytes;
        }

        return 0;
}

Trace *trace_open(const char *path, GError **reterr_error)
{
        g_autoptr(Trace) trace = g_new0(Trace, 1);

        trace->events = g_ptr_array_new_with_free_func(g_free);
        trace->file = g_mapped_file_new(path, FALSE, reterr_error);
        if (!trace->file)
                return NULL;
        if (read_events(trace) < 0) {
                g_set_error(reterr_error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: no trace", path);
                return NULL;
        }

        return g_steal_pointer(&trace);
}

Trace *trace_free(Trace *trace)
{
        if (!trace)
                return NULL;

        g_clear_pointer(&trace->file, g_mapped_file_unref);
        g_ptr_array_unref(trace->events);
        g_free(trace);
        return NULL;
}

guint trace_begin(const Trace *trace)
{
        for (guint i = 0; i < trace->events->len; i++)
                if (trace_event(trace, i)->kind == TRACE_GIVEN)
                        return i + 1;
        return 0;
}

static guint hash_node(gconstpointer key)
{
        const TraceNode *node = key;

        return (guint) (node->inode ^ node->device << 16);
}

static gboolean equal_nodes(gconstpointer a, gconstpointer b)
{
        return memcmp(a, b, sizeof(TraceNode)) == 0;
}

static void bind(Replay *replay, TraceNode id, DiskNode *node)
{
        g_hash_table_replace(replay->nodes, g_memdup2(&id, sizeof id), node);
}

Replay *replay_new(void)
{
        Replay *replay = g_new(Replay, 1);

        *replay = (Replay){
                .disk = disk_new(true),
                .nodes = g_hash_table_new_full(hash_node, equal_nodes, g_free, NULL),
                .syncs = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free),
        };
        bind(replay, (TraceNode){ 0 }, replay->disk->root);
        return replay;
}

Replay *replay_free(Replay *replay)
{
        if (!replay)
                return NULL;

        g_hash_table_unref(replay->syncs);
        g_hash_table_unref(replay->nodes);
        disk_free(replay->disk);
        g_free(replay);
        return NULL;
}

Disk *replay_disk(Replay *replay)
{
        return replay->disk;
}

static DiskNode *find(Replay *replay, TraceNode id)
{
        DiskNode *node = g_hash_table_lookup(replay->nodes, &id);

        if (!node)
                g_error("the trace changes a file that it never made");
        return node;
}

DiskNode *replay_node(Replay *replay, const TraceEvent *event)
{
        return find(replay, event->node);
}

static void begin_sync(Replay *replay, const TraceEvent *event)
{
        Sync *sync = g_new(Sync, 1);

        *sync = (Sync){ find(replay, event->node), disk_now(replay->disk) };
        g_hash_table_replace(replay->syncs, g_memdup2(&event->serial, sizeof event->serial), sync);
}

static void end_sync(Replay *replay, const TraceEvent *event)
{
        const Sync *sync = g_hash_table_lookup(replay->syncs, &event->serial);

        disk_synced(replay->disk, sync->node, sync->covers, event->result < 0);
        g_hash_table_remove(replay->syncs, &event->serial);
}

void replay_event(Replay *replay, const TraceEvent *event)
{
        const char *name = trace_payload(event);
        Disk *disk = replay->disk;

        switch ((TraceKind) event->kind) {
        case TRACE_START:
                g_hash_table_remove_all(replay->syncs);
                if (trace_event_is_reboot(event, replay->boot))
                        disk_shut_down(disk);
                replay->boot = name;
                break;
        case TRACE_CREATE:
        case TRACE_MKDIR:
                bind(replay, event->other,
                     disk_add(disk, find(replay, event->node), name, event->kind == TRACE_MKDIR));
                break;
        case TRACE_WRITE:
                disk_write(disk, find(replay, event->node), event->payload_bytes > 0 ? name : NULL,
                           event->n_bytes, event->offset);
                break;
        case TRACE_RENAME:
                disk_move(disk, find(replay, event->node), name, find(replay, event->other),
                          name + strlen(name) + 1);
                break;
        case TRACE_LINK:
                disk_link(disk, find(replay, event->other), name + strlen(name) + 1,
                          disk_lookup(find(replay, event->node), name));
                break;
        case TRACE_UNLINK:
                disk_unlink(disk, find(replay, event->node), name);
                break;
        case TRACE_SYNC_BEGIN:
                begin_sync(replay, event);
                break;
        case TRACE_SYNC_END:
                end_sync(replay, event);
                break;
        case TRACE_GIVEN:
                disk_settle(disk);
                break;
        case TRACE_RECEIVED:
        case TRACE_SENT:
                break;
        }
}
