/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watches inside
 *
 * watch.c is the object, watch-start.c begins one at regentd, watch-answer.c tells what that has answered, and
 * watch-signal.c what is signalled from then on.
 */

#include "private.h"

#include "position.h"
#include "reading.h"
#include "snapshot.h"

typedef enum WatchPhase {
        WATCH_NEW,    /* not started */
        WATCH_IDLE,   /* regentd knows of none: it waits for regentd, or for its timer */
        WATCH_ASKING, /* it is begun */
        WATCH_LIVE,   /* regentd tells it */
        WATCH_HELD,   /* regentd goes on when what was told is acknowledged */
        WATCH_ENDED,
} WatchPhase;

typedef struct WatchChange {
        char *ns_name;
        uint64_t previous;
        uint64_t revision;
        GVariant *values; /* a{sv} */
        char **removed;
        char **invalidated; /* of them the values are to be read */
        bool is_first;      /* of the namespace */
} WatchChange;

typedef struct WatchSignal {
        enum { WATCH_SIGNAL_CHANGED, WATCH_SIGNAL_RESYNCHRONIZE, WATCH_SIGNAL_ENDED } kind;
        WatchChange change; /* of CHANGED */
        char *reason;       /* of ENDED: name of an error */
} WatchSignal;

/* What Watch answered, of a namespace or of several. */
typedef struct WatchAnswer {
        uint64_t revision;
        Position since;    /* that it is a difference from; nowhere: it is everything */
        GVariant *values;  /* a{sv}; of several: name -> a{sv} */
        GVariant *removed; /* as; of several: name -> as */
        char **complete;   /* of several: those of which values has everything */
} WatchAnswer;

/* Values that are read for a signal which has left them out. */
typedef struct WatchFetch {
        WatchSignal *signal;
        guint n_read;  /* of the invalidated keys */
        guint n_asked; /* of them at a time */
        GVariantDict values;
} WatchFetch;

struct RegentWatch {
        Follower follower;
        unsigned n_refs;
        bool is_freed;

        char *ns_name;   /* NULL: by prefix of names */
        char *ns_prefix; /* of names */
        char *prefix;    /* of keys */
        char *path;      /* of the object that has the watch */
        bool is_patient;
        bool is_acknowledged;
        RegentOnWatch on_event;
        void *userdata;

        WatchPhase phase;
        unsigned turn;   /* what was asked in an earlier one is of no use any more */
        bool has_turn;   /* it is among those that may ask */
        bool was_live;   /* ever */
        bool is_away;    /* and that was told */
        bool is_missing; /* there is no such namespace, and that was told */
        bool is_afresh;  /* the states that come next are because nobody knows what has changed */
        bool is_telling_many; /* of what is one position more is to be told */

        Position position;      /* everything up to here was told */
        uint64_t revision;      /* of what was told last: more than the position within a commit */
        GHashTable *names;      /* of namespaces that were told of */
        GPtrArray *last_commit; /* WatchChange after the position, of a watch by prefix of names */

        sd_bus *link;    /* that regentd tells it by; a reference */
        uint64_t number; /* there */
        bool is_resumed; /* under that number, when it begins again */
        GQueue signals;  /* WatchSignal that were not told */
        WatchFetch *fetch;

        Position before; /* while it is begun: the service, before it was read */
        Snapshot *snapshot;
        Reading *reading;
        bool is_paged; /* everything is read, as it does not fit into an answer */
        unsigned n_tries;
        uint64_t retry_usec; /* how long it waits when nobody is there once more; 0: not yet */

        uint64_t last_change;  /* revision of the last that came as a signal */
        uint64_t acknowledged; /* revision */
        unsigned n_pending;    /* that was not sent */
        uint64_t n_pending_bytes;
        uint64_t n_told_bytes; /* since anything was acknowledged, of a watch where that is said */
        sd_event_source *acknowledge_timer;
        sd_event_source *timer;
};

/* watch.c */
RegentWatch *watch_ref(RegentWatch *watch);
void watch_unref(RegentWatch *watch);

/*
 * Tells an event, and fills in the position. False: it was ended in that, and nothing more is to be done. Whoever
 * tells has a reference.
 */
bool watch_tell(RegentWatch *watch, RegentWatchEvent event);
/* Tells that it has ended, with what failed last. */
void watch_end(RegentWatch *watch, int r);
/* The namespace is gone; tells so unless that was told. It waits for it. */
void watch_tell_gone(RegentWatch *watch);
/* Tries to begin it after that time. */
void watch_wait(RegentWatch *watch, uint64_t delay_usec);
/* regentd knows of it no more, and is told so where it does not know it. */
void watch_drop(RegentWatch *watch, bool is_known_there);
const char *watch_interface(const RegentWatch *watch);
/* Something was dealt with. */
void watch_note_acknowledged(RegentWatch *watch, uint64_t n_bytes);
/* regentd listens again: what has waited for that is sent soon. */
void watch_go_on_acknowledging(RegentWatch *watch);
WatchSignal *watch_signal_free(WatchSignal *signal);
void watch_change_clear(WatchChange *change);

/* A call whose reply is for this turn alone. A watch that is begun for nobody ends. */
typedef void (*WatchOnReply)(RegentWatch *watch, int r, GVariant *reply);
int watch_ask(RegentWatch *watch, CallSpec spec, WatchOnReply on_reply);

/* watch-start.c */
void watch_begin(RegentWatch *watch);
/* What was under way of that is given up. */
void watch_stop_asking(RegentWatch *watch);
/* It begins again, for something is missing. */
void watch_fall_behind(RegentWatch *watch);
/* It could not begin, or go on. */
void watch_fail(RegentWatch *watch, int r);

/* watch-answer.c */
void watch_answer_clear(WatchAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WatchAnswer, watch_answer_clear)
bool watch_answer_is_complete(const WatchAnswer *answer, const char *ns_name);
/* Each false: it was ended in that. */
bool watch_tell_answer(RegentWatch *watch, const WatchAnswer *answer);
bool watch_tell_snapshot(RegentWatch *watch, uint64_t revision);
/* Puts what differs over what was read. False when that does not do: one of them may be read only since then. */
bool watch_put_over(RegentWatch *watch, const WatchAnswer *answer);

/* watch-signal.c */
WatchSignal *watch_signal_read(sd_bus_message *m, uint64_t *ret_number);
/* Tells what has come, as far as it goes. */
void watch_take_signals(RegentWatch *watch);
void watch_fetch_free(WatchFetch *fetch);
