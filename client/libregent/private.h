/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libregent inside
 *
 * regent.c is the object, loop.c its poll loop, error.c what failed last. link.c has the bus, the channel and what
 * becomes of them, and followers are told by it. call.c makes calls over the link; all else is made of calls.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* What is in these headers is what the library exports; everything else is hidden. */
#pragma GCC visibility push(default)
#include "client/regent.h"
#pragma GCC visibility pop

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

#define NAMESPACE_NAME_BYTES_MAX 200u
#define NAMESPACE_PATH_SIZE      (sizeof(REGENT_NAMESPACES_PATH "/") + NAMESPACE_NAME_BYTES_MAX)

/*
 * event            | CLOSED          | IDLE                 | ASKING               | READY
 * -----------------+-----------------+----------------------+----------------------+--------------------
 * open, its timer  | IDLE            |                      |                      |
 * a call           | held; sync: open| held; ASKING         | held                 | sent
 * Connect answered |                 |                      | READY; held are sent |
 * channel closed   |                 |                      |                      | lost; IDLE
 * regentd leaves   |                 |                      | (Connect fails)      | lost; IDLE
 * regentd is there |                 | followers are ready  |                      |
 * bus closed       |                 | CLOSED, timer        | CLOSED, timer        | lost; CLOSED, timer
 */
typedef enum LinkState {
        LINK_CLOSED, /* no bus */
        LINK_IDLE,   /* a bus; whether there is a channel has not been asked */
        LINK_ASKING, /* Connect is under way */
        LINK_READY,  /* calls go over the channel, or, where there is none, over the bus */
} LinkState;

typedef enum Presence { PRESENCE_UNKNOWN, PRESENCE_THERE, PRESENCE_AWAY } Presence;

/*
 * What has something at regentd that ends with it: a watch, a participant, a view. lost() is called when that is so;
 * ready() when it may begin again: then calls reach a regentd. Never both ways twice in a row. closed():
 * regent_free(); it is removed after that.
 */
typedef struct Follower Follower;
typedef struct FollowerVtable {
        void (*ready)(Follower *follower);
        void (*lost)(Follower *follower);
        void (*closed)(Follower *follower);
} FollowerVtable;

struct Follower {
        const FollowerVtable *vtable;
        Regent *regent; /* NULL when it is not followed any more */
        bool is_ready;
};

typedef struct Inbound Inbound; /* see inbound.h */
struct WireBytes;               /* see wire/frame.h */

struct Regent {
        unsigned n_refs; /* the owner's, and one for each function that calls back */
        bool is_freed;

        char *address;
        uint64_t flags;
        uint64_t timeout_usec;
        bool is_interactive;

        pid_t pid; /* that has opened it */
        sd_event *event;
        sd_bus *bus;
        sd_bus *channel;
        char *unique_name;
        LinkState link;
        Presence presence;
        Presence told_presence;
        sd_bus_slot *connect_slot;
        char *server;  /* unique name of who has answered Connect; NULL: not known */
        bool has_lost; /* a connection, which followers are to hear of though there is another */
        sd_event_source *reopen;   /* while CLOSED */
        sd_event_source *announce; /* tells what has become of calls and followers */
        uint64_t reopen_delay_usec;
        bool is_quiet;             /* while ASKING: nobody is started for that */
        bool is_upgrading;         /* while ASKING: followers stay with the bus */
        bool is_channel_asked;     /* by what was asked last */
        bool is_channel_heard;     /* something has come over it */
        bool is_channel_told;      /* regentd may send more over it than replies */
        unsigned n_owed;           /* replies that are to come over it, and that nobody waits for */
        uint32_t n_quick;          /* calls without sd-bus that were made; see quick.c */
        sd_event_source *retry;    /* see retry.c */
        uint64_t retry_usec;       /* when a channel is asked for again; 0: not by the time */
        uint64_t retry_delay_usec; /* from the next failure to then */
        unsigned n_asked; /* how often Connect has been tried for the calls that are held */

        GQueue calls; /* RegentCall that are held or under way, in order */
        GQueue done; /* RegentCall that have failed, and are told so when callbacks may be called */
        GPtrArray *followers;
        GHashTable *unstarted; /* Follower that are not among them yet */
        Inbound *inbound;      /* NULL: nothing comes that was not asked for */
        sd_bus_message *reply; /* while the callback of its call is called; borrowed */

        GVariant *
                written; /* an empty reply to a write: while it is there, GLib knows what the type is made of */
        bool has_answered; /* a call has been told of its reply, since this was last looked at */
        bool is_processing;

        RegentOnPresence on_presence;
        void *on_presence_userdata;

        sd_bus_error error; /* what failed last */
};

/* regent.c */
Regent *regent_ref(Regent *regent);
void regent_unref(Regent *regent);
/* 0; -ENOTCONN; -ECHILD in a child process, to which nothing of it belongs: each with the error set. */
int regent_check_open(Regent *regent);
/* What is made of it and not started is to know when it is freed. */
void regent_add_unstarted(Regent *regent, Follower *follower);
void regent_remove_unstarted(Follower *follower);

/* error.c: each sets what failed last and returns the errno. */
int error_set(Regent *regent, int r, const char *name, const char *format, ...) G_GNUC_PRINTF(4, 5);
int error_set_errno(Regent *regent, int r, const char *what);
int error_take(Regent *regent, const sd_bus_error *error);
int error_of_name(const char *name); /* negative errno */

/* text.c: 0, or -EINVAL with the error set. @what names it in the text; NULL is missing. */
int text_check(Regent *regent, const char *text, const char *what);
int text_namespace_path(Regent *regent,
                        const char *ns_name,
                        char ret_path[static NAMESPACE_PATH_SIZE]);
/* An a{sv}: @options, or none for NULL. Consumes @options, also when it fails. */
int text_options(Regent *regent, GVariant *options, GVariant **ret_options);

/* link.c */
int link_open(Regent *regent);
void link_close(Regent *regent);
/* Sees to it that the link is READY, waiting for it until then. */
int link_require(Regent *regent, uint64_t deadline_usec);
/* The same without waiting: calls that are held are sent then, and followers told. */
int link_want(Regent *regent, bool may_start_service);
/* What calls go over when it is READY; borrowed. */
sd_bus *link_bus(Regent *regent);
/* It does not work any more: what was under way over it has failed, which is told later. */
void link_break(Regent *regent, sd_bus *broken);
void link_announce_later(Regent *regent);

/* system-bus.c; NULL for the address of the system bus */
int system_bus_open(const char *address, sd_bus **ret);

/* It was there, and is not any more: to be told later. */
void link_set_away(Regent *regent);

#define LINK_REOPEN_DELAY_USEC 100000u

/* ask.c: Connect, after which the link is READY and calls that were held are sent. Without waiting; waiting; and for
   who wants no channel, without asking: whether anybody is there shows, but not whether the bus lets us in. */
int ask_start(Regent *regent, bool may_start_service);
int ask_and_wait(Regent *regent, uint64_t deadline_usec);
int ask_bus_alone(Regent *regent, uint64_t deadline_usec);
void ask_bus_alone_later(Regent *regent);
/* The bus has let us in. */
int ask_on_connected(sd_bus_message *m, void *userdata, sd_bus_error *reterr);

/* retry.c: when a channel is asked for again. */
int retry_open(Regent *regent, sd_event *event);
/* After a failure that passes. */
void retry_later(Regent *regent);
/* Another regentd is asked at once. */
void retry_forget(Regent *regent);
/* No channel is to be asked for yet. */
bool retry_is_early(const Regent *regent);
/* Calls go over the bus, and it is time to ask. */
bool retry_is_due(Regent *regent);
/* regentd has answered a call. */
void retry_note_reply(Regent *regent, sd_bus *link);

#define WRITTEN_TYPE "(ta{sv})"

/* deadline.c: monotonic time; 0 is as long as a call waits unless told, UINT64_MAX for ever. */
uint64_t deadline_in(uint64_t timeout_usec);
/* Until the bus has let us in. 0; -ETIMEDOUT, -ECONNRESET. */
int deadline_wait_ready(uint64_t deadline_usec, sd_bus *bus);
/* 0: it is over; UINT64_MAX: it never is. */
uint64_t deadline_left(uint64_t deadline_usec);
/* Fails with *reterr set in every case. A message that has no cookie then was not sent. */
int deadline_call(uint64_t deadline_usec,
                  sd_bus *bus,
                  sd_bus_message *m,
                  sd_bus_error *reterr,
                  sd_bus_message **ret_reply);

/* channel.c */
int channel_new(Regent *regent, int fd, sd_bus **ret);
bool channel_is_hung_up(sd_bus *channel);

/*
 * quick.c: small writes over the channel without sd-bus. 0, or negative with *reterr set as deadline_call() does, or
 * QUICK_UNFIT: nothing has been done, sd-bus is to do it.
 */
#define QUICK_UNFIT 1
typedef struct CallSpec CallSpec;
typedef struct QuickReply {
        uint64_t revision;
        bool wants_result; /* said by who calls */
        GVariant *result;  /* NULL: it is not wanted, or the reply is (t) */
        bool is_of_other_type;
} QuickReply;

int quick_call(Regent *regent,
               const CallSpec *spec,
               uint64_t deadline_usec,
               sd_bus_error *reterr,
               QuickReply *ret_reply);
void quick_reply_clear(QuickReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(QuickReply, quick_reply_clear)

/* For who puts: broken when it is not plain. */
void quick_put_string(struct WireBytes *bytes, const char *text);
void quick_put_value(struct WireBytes *bytes, GVariant *value);

/* What it needs to know: a new channel; a call that is sent; whose reply nobody waits for any more; which has come. */
void quick_note_channel(Regent *regent);
void quick_note_sent(Regent *regent, sd_bus *link, const CallSpec *spec);
void quick_note_owed(Regent *regent, sd_bus *link);
void quick_note_late(Regent *regent, sd_bus_message *m);

/* follower.c */
void follower_add(Regent *regent, Follower *follower, const FollowerVtable *vtable);
void follower_remove(Follower *follower);
void followers_ready(Regent *regent);
void followers_lost(Regent *regent);
void followers_closed(Regent *regent);

/* call.c */
struct CallSpec {
        const char *path;
        const char *interface_name;
        const char *member;
        GVariant *arguments; /* a tuple or NULL; consumed if floating */
        const char *key;     /* in place of them: (s), or with a value (sv) */
        GVariant *value;     /* borrowed */
        const char *reply_type;
        bool no_auto_start;
        bool is_for_fd; /* the reply is to have one */
        bool is_write;  /* a small one may go without sd-bus: the reply is (t) or (ta{sv}) */
        /*
         * In place of arguments: as usual, which is then made only where it is needed. And beside that, or NULL: to a message
         * that is sent at once, of what is neither too long nor out of its normal form; and where it is
         * call_wait_for_write(), as bytes, "a{sv}asta{sv}".
         */
        GVariant *(*build)(const void *userdata);
        int (*append)(const void *userdata, sd_bus_message *m);
        void (*put)(const void *userdata, struct WireBytes *bytes);
        const void *userdata;
};

/* *ret_fd: the only descriptor of the reply, where it is not NULL. */
int call_wait(Regent *regent, const CallSpec *spec, GVariant **ret_reply, int *ret_fd);

/* The same, with the reply still to be read. */
int call_wait_for_message(Regent *regent, const CallSpec *spec, sd_bus_message **ret_reply);

/* The same of a write; *ret_result, which may be NULL, is what comes behind the revision. */
int call_wait_for_write(Regent *regent,
                        const CallSpec *spec,
                        uint64_t *ret_revision,
                        GVariant **ret_result);

/* The same of a reply whose first member is a revision, or all there is. */
int call_wait_for_revision(Regent *regent, const CallSpec *spec, uint64_t *ret_revision);
int call_wait_for_child(Regent *regent, const CallSpec *spec, GVariant **ret_child);

int call_start(Regent *regent,
               const CallSpec *spec,
               RegentOnReply on_reply,
               void *userdata,
               RegentCall **ret_call);
int call_start_for_fd(Regent *regent,
                      const CallSpec *spec,
                      RegentOnReplyForFd on_reply,
                      void *userdata,
                      RegentCall **ret_call);

bool calls_has_held(Regent *regent);
void calls_send_held(Regent *regent);
/* Those that were held fail with what failed last, and those over @link with Disconnected or OutcomeUnknown. */
void calls_fail_held(Regent *regent, int r);
void calls_break(Regent *regent, sd_bus *link);
void calls_tell_done(Regent *regent);
void calls_cancel_all(Regent *regent);

/* inbound.c: each connection is looked at for what regentd sends without being asked. */
int inbound_attach(Regent *regent, sd_bus *link);

/* message-size.c: whether regentd, or the bus, would end the connection that it comes over. */
#define MESSAGE_BYTES_MAX ((size_t) 32 << 20)
bool message_is_too_long(const CallSpec *spec);
#define MESSAGE_RATIO_MAX 8u /* to the size of the GVariant */

/* message.c; -EINVAL: not of D-Bus, or not in normal form; -E2BIG */
int message_new(sd_bus *link, bool is_channel, const CallSpec *spec, sd_bus_message **ret);
/* Another one of the same call, over the bus; @sent has been sent. */
int message_copy(sd_bus *bus, sd_bus_message *sent, sd_bus_message **ret);
int message_read_variant(sd_bus_message *m, GVariant **ret_value);
int message_read(sd_bus_message *m, const char *type, GVariant **ret_tuple, int *ret_fd);
/* A call that nobody waits for. Where it cannot be sent the connection is gone, and all that it is about with it. */
void message_send(sd_bus *link,
                  const char *path,
                  const char *interface_name,
                  const char *member,
                  const char *types,
                  ...);
