/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * etcd: a server over gRPC on loopback; a write is in its log, on the disk, before it is answered
 *
 * Reads are serializable, the cheaper kind: the one server there is answers from what it has.
 */

#include "grpc.h"
#include "peer.h"
#include "protobuf.h"

#include <errno.h>
#include <string.h>

#define FILL_KEYS  100 /* in one transaction: etcd takes 128, and 1.5 MiB */
#define KEY_PREFIX "bench/"
#define PREFIX_END "bench0"

/* Numbers of fields in etcd's rpc.proto and kv.proto */
enum {
        PUT_KEY = 1,
        PUT_VALUE = 2,
        RANGE_KEY = 1,
        RANGE_SERIALIZABLE = 7,
        RANGE_KVS = 2,
        KV_VALUE = 5,
        TXN_SUCCESS = 2,
        OPERATION_PUT = 2,
        WATCH_CREATE = 1,
        CREATE_KEY = 1,
        CREATE_RANGE_END = 2,
        WATCH_EVENTS = 11,
        EVENT_KV = 2,
};

typedef struct Session {
        PeerPlace place;
        Grpc *grpc;
} Session;

static int etcd_open(void **ret_session, const PeerPlace *place)
{
        Session *session = g_new0(Session, 1);

        *ret_session = session;
        session->place = *place;
        return grpc_open(&session->grpc, place->where);
}

static int etcd_read(void *userdata, const char *key, PeerValue *ret_value)
{
        Session *session = userdata;
        g_autoptr(GByteArray) request = g_byte_array_new();
        const GByteArray *reply;
        const uint8_t *pair, *value;
        size_t n_pair, n_value;
        int r;

        protobuf_add_bytes(request, RANGE_KEY, key, strlen(key));
        protobuf_add_number(request, RANGE_SERIALIZABLE, 1);
        r = grpc_call(session->grpc, "/etcdserverpb.KV/Range", request, &reply);
        if (r == 0)
                r = protobuf_find(reply->data, reply->len, RANGE_KVS, &pair, &n_pair);
        if (r == 0)
                r = protobuf_find(pair, n_pair, KV_VALUE, &value, &n_value);
        if (r == 0)
                *ret_value = (PeerValue){ value, n_value };
        return r;
}

static int etcd_write(void *userdata, const char *key, const char *value, size_t n_bytes)
{
        Session *session = userdata;
        g_autoptr(GByteArray) request = g_byte_array_new();
        const GByteArray *reply;

        protobuf_add_bytes(request, PUT_KEY, key, strlen(key));
        protobuf_add_bytes(request, PUT_VALUE, value, n_bytes);
        return grpc_call(session->grpc, "/etcdserverpb.KV/Put", request, &reply);
}

static int fill_some(Session *session, uint32_t first, uint32_t n)
{
        g_autofree char *value = g_malloc(session->place.value_bytes + 1);
        g_autoptr(GByteArray) request = g_byte_array_new();
        const GByteArray *reply;

        for (uint32_t i = first; i < first + n; i++) {
                g_autoptr(GByteArray) put = g_byte_array_new();
                g_autoptr(GByteArray) operation = g_byte_array_new();
                char key[PEER_KEY_SIZE];

                peer_make_key(key, i);
                peer_make_value(value, session->place.value_bytes, 0, i);
                protobuf_add_bytes(put, PUT_KEY, key, strlen(key));
                protobuf_add_bytes(put, PUT_VALUE, value, session->place.value_bytes);
                protobuf_add_bytes(operation, OPERATION_PUT, put->data, put->len);
                protobuf_add_bytes(request, TXN_SUCCESS, operation->data, operation->len);
        }
        return grpc_call(session->grpc, "/etcdserverpb.KV/Txn", request, &reply);
}

static int etcd_fill(void *userdata)
{
        Session *session = userdata;
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < session->place.n_keys; i += FILL_KEYS)
                r = fill_some(session, i, MIN(FILL_KEYS, session->place.n_keys - i));
        return r;
}

static int etcd_watch(void *userdata)
{
        Session *session = userdata;
        g_autoptr(GByteArray) create = g_byte_array_new();
        g_autoptr(GByteArray) request = g_byte_array_new();
        const GByteArray *created;
        int r;

        protobuf_add_bytes(create, CREATE_KEY, KEY_PREFIX, strlen(KEY_PREFIX));
        protobuf_add_bytes(create, CREATE_RANGE_END, PREFIX_END, strlen(PREFIX_END));
        protobuf_add_bytes(request, WATCH_CREATE, create->data, create->len);
        r = grpc_begin(session->grpc, "/etcdserverpb.Watch/Watch", request);
        if (r == 0)
                r = grpc_next(session->grpc, &created);
        return r;
}

static int etcd_await(void *userdata)
{
        Session *session = userdata;
        const GByteArray *message;
        const uint8_t *event, *pair, *value;
        size_t n_event, n_pair, n_value;
        int r;

        do {
                r = grpc_next(session->grpc, &message);
                if (r == 0)
                        r = protobuf_find(message->data, message->len, WATCH_EVENTS, &event,
                                          &n_event);
        } while (r == -ENOENT);
        if (r == 0)
                r = protobuf_find(event, n_event, EVENT_KV, &pair, &n_pair);
        if (r == 0)
                r = protobuf_find(pair, n_pair, KV_VALUE, &value, &n_value);
        return r;
}

const Peer peer = {
        .open = etcd_open,
        .fill = etcd_fill,
        .read = etcd_read,
        .write = etcd_write,
        .watch = etcd_watch,
        .await = etcd_await,
};
