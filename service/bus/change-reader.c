/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Change reader
 */

#include "bus/change-reader.h"

#include "bus/bus-error.h"
#include "bus/bus-service.h"
#include "bus/caller.h"
#include "bus/confirm.h"
#include "bus/durability-option.h"
#include "bus/lifetimes.h"
#include "bus/options.h"
#include "bus/value-codec.h"
#include "client/regent-names.h"
#include "core/name.h"

#include <errno.h>
#include <string.h>

typedef struct ClassWish {
        NamespaceWish *wish;
        char *key;
        EntryClass class;
} ClassWish;

static void class_wish_free(gpointer userdata)
{
        ClassWish *wish = userdata;

        g_free(wish->key);
        g_free(wish);
}

void change_reader_init(ChangeReader *reader, ChangeSet *set, const Limits *limits)
{
        *reader = (ChangeReader){
                .set = set,
                .limits = limits,
                .class = ENTRY_AS_SEEN,
                .n_elements = LIMIT_UNSURE_ELEMENTS,
        };
}

void change_reader_clear(ChangeReader *reader)
{
        g_clear_pointer(&reader->classes, g_ptr_array_unref);
}

/* Turns what core said into what a handler returns. */
static int answer(int r, const char *text, sd_bus_error *reterr_bus)
{
        return r == 0 ? 0 : bus_error_set(reterr_bus, r, text);
}

int change_reader_begin(ChangeReader *reader, const char *name, sd_bus_error *reterr_bus)
{
        g_autofree char *text = NULL;
        int r;

        r = change_set_add_namespace(reader->set, name, &reader->wish, &text);
        return answer(r, text, reterr_bus);
}

static int refuse_value(int outcome, const char *key, sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = name_quote(key);
        g_autofree char *text = NULL;
        Outcome refusal = CORE_E_INVALID_VALUE;

        switch (outcome) {
        case VALUE_CODEC_E_DESCRIPTOR:
                text = g_strdup_printf(
                        "The value of %s has a file descriptor, which cannot be kept", quoted);
                break;
        case VALUE_CODEC_E_TOO_DEEP:
                text = g_strdup_printf("The value of %s is nested more than %u deep", quoted,
                                       LIMIT_VALUE_DEPTH);
                break;
        case VALUE_CODEC_E_TOO_MANY:
                refusal = CORE_E_TOO_BIG;
                text = g_strdup_printf("With the value of %s there are too many elements in one "
                                       "commit: at most %u, or %u where polkit is asked and in "
                                       "Manager.Apply",
                                       quoted, LIMIT_COMMIT_ELEMENTS, LIMIT_UNSURE_ELEMENTS);
                break;
        case VALUE_CODEC_E_TOO_BIG:
                refusal = CORE_E_TOO_BIG;
                text = g_strdup_printf("The value of %s is far too large", quoted);
                break;
        default: /* -EBADMSG: the bus takes noncharacters such as U+FDD0, libsystemd does not */
                text = g_strdup_printf("The value of %s cannot be read: is there a string with "
                                       "Unicode noncharacters in it?",
                                       quoted);
        }

        return bus_refused(bus_error_set(reterr_bus, refusal, text));
}

int change_reader_read_value(ChangeReader *reader,
                             sd_bus_message *m,
                             const char *key,
                             sd_bus_error *reterr_bus)
{
        g_autoptr(GVariant) value = NULL;
        g_autofree char *text = NULL;
        int r;

        r = value_codec_read(m, &reader->n_elements, &value);
        if (r < 0 && r != -EBADMSG)
                return r;
        if (r != 0)
                return refuse_value(r, key, reterr_bus);

        r = change_set_set(reader->set, reader->wish, reader->limits, key, value, &text);
        return answer(r, text, reterr_bus);
}

int change_reader_unset(ChangeReader *reader, const char *key, sd_bus_error *reterr_bus)
{
        g_autofree char *text = NULL;
        int r;

        r = change_set_unset(reader->set, reader->wish, reader->limits, key, &text);
        return answer(r, text, reterr_bus);
}

static int read_set_entry(sd_bus_message *m,
                          const char *key,
                          void *userdata,
                          sd_bus_error *reterr_bus)
{
        return change_reader_read_value(userdata, m, key, reterr_bus);
}

static int read_unset(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read_basic(m, 's', (void *) &key)) > 0) {
                r = change_reader_unset(reader, key, reterr_bus);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 0;
}

static int read_expectation(sd_bus_message *m,
                            const char *key,
                            void *userdata,
                            sd_bus_error *reterr_bus)
{
        ChangeReader *reader = userdata;
        g_autofree char *text = NULL;
        uint64_t revision;
        int r;

        r = option_read_uint64(m, "expect", &revision, reterr_bus);
        if (r < 0)
                return r;

        r = change_set_expect(reader->set, reader->wish, reader->limits, key, revision, &text);
        return answer(r, text, reterr_bus);
}

/* What is of class session goes with the connection that writes it. */
static int read_session(ChangeReader *reader, sd_bus_error *reterr_bus)
{
        Caller *caller = caller_on_bus(reader->caller);
        g_autofree char *session = lifetimes_session(caller->service->lifetimes, caller->name);

        if (!session)
                return bus_refused(bus_error_set(reterr_bus, CORE_E_BUSY,
                                                 "What bus this is is not known yet, so nothing "
                                                 "can be of class session"));

        caller->has_session = true;
        change_set_set_session(reader->set, session);
        return 0;
}

static int read_class(ChangeReader *reader,
                      sd_bus_message *m,
                      const char *option,
                      EntryClass *ret_class,
                      sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = NULL;
        const char *name;
        int r;

        r = option_read_string(m, option, &name, reterr_bus);
        if (r < 0)
                return r;

        r = entry_class_from_name(name);
        if (r < 0) {
                quoted = name_quote(name);
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                     "There is no class %s", quoted));
        }

        *ret_class = (EntryClass) r;
        return r == ENTRY_SESSION && !reader->set->session ? read_session(reader, reterr_bus) : 0;
}

static int read_class_entry(sd_bus_message *m,
                            const char *key,
                            void *userdata,
                            sd_bus_error *reterr_bus)
{
        ChangeReader *reader = userdata;
        EntryClass class;
        ClassWish *wish;
        int r;

        r = read_class(reader, m, "classes", &class, reterr_bus);
        if (r < 0)
                return r;

        reader->set->n_message_bytes += CHANGE_SET_FRAME_BYTES + strlen(key);
        if (!reader->classes)
                reader->classes = g_ptr_array_new_with_free_func(class_wish_free);
        if (reader->classes->len >= reader->limits->commit_changes)
                return bus_refused(
                        bus_error_set(reterr_bus, CORE_E_TOO_BIG,
                                      "More keys are classified than one commit may set"));

        wish = g_new(ClassWish, 1);
        *wish = (ClassWish){ reader->wish, g_strdup(key), class };
        g_ptr_array_add(reader->classes, wish);
        return 0;
}

static void classify_wish(NamespaceWish *wish, EntryClass class)
{
        for (guint i = 0; i < wish->entries->len; i++) {
                Entry *entry = wish->entries->pdata[i];

                if (!entry_is_tombstone(entry))
                        entry->class = (uint8_t) class;
        }
}

static int classify_keys(ChangeReader *reader, sd_bus_error *reterr_bus)
{
        if (!reader->classes)
                return 0;

        for (guint i = 0; i < reader->classes->len; i++) {
                const ClassWish *c = reader->classes->pdata[i];
                g_autofree char *text = NULL;
                int r;

                r = change_set_classify(c->wish, c->key, c->class, &text);
                if (r != 0)
                        return answer(r, text, reterr_bus);
        }

        return 0;
}

static int read_reason(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        g_autofree char *text = NULL;
        const char *reason;
        int r;

        r = option_read_string(m, "reason", &reason, reterr_bus);
        if (r < 0)
                return r;

        r = change_set_set_reason(reader->set, reason, &text);
        return answer(r, text, reterr_bus);
}

static int use_release(NamespaceWish *wish, const char *release, sd_bus_error *reterr_bus)
{
        g_autofree char *text = NULL;
        int r;

        if (!release)
                return 0;

        r = change_set_set_release(wish, release, &text);
        return answer(r, text, reterr_bus);
}

static int read_apply_flags(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        const uint64_t exclusive = REGENT_APPLY_CREATE_ONLY | REGENT_APPLY_CHANGE_ONLY;
        uint64_t flags;
        int r;

        G_STATIC_ASSERT(REGENT_APPLY_DRY_RUN == CHANGE_SET_DRY_RUN);
        G_STATIC_ASSERT(REGENT_APPLY_CREATE_ONLY == CHANGE_SET_CREATE_ONLY);
        G_STATIC_ASSERT(REGENT_APPLY_CHANGE_ONLY == CHANGE_SET_CHANGE_ONLY);

        r = flags_read(m, REGENT_APPLY_DRY_RUN | exclusive, &flags, reterr_bus);
        if (r < 0)
                return r;

        if ((flags & exclusive) == exclusive)
                return bus_refused(
                        sd_bus_error_set(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                         "Flags 2 (only create) and 4 (only change) exclude each "
                                         "other"));

        reader->set->flags = (ChangeSetFlags) flags;
        return 0;
}

/* An option of the commit as a whole. */
static int read_commit_option(ChangeReader *reader,
                              sd_bus_message *m,
                              const char *name,
                              sd_bus_error *reterr_bus)
{
        if (strcmp(name, "reason") == 0)
                return read_reason(reader, m, reterr_bus);
        if (strcmp(name, "durability") == 0)
                return durability_option_read(m, name, &reader->set->durability, reterr_bus);
        return confirm_read_option(reader->set, m, name, reterr_bus);
}

static int read_apply_option(sd_bus_message *m,
                             const char *name,
                             void *userdata,
                             sd_bus_error *reterr_bus)
{
        ChangeReader *reader = userdata;

        if (strcmp(name, "expect") == 0)
                return option_read_dictionary(m, name, read_expectation, reader, reterr_bus);
        if (strcmp(name, "class") == 0)
                return read_class(reader, m, name, &reader->class, reterr_bus);
        if (strcmp(name, "classes") == 0)
                return option_read_dictionary(m, name, read_class_entry, reader, reterr_bus);
        if (strcmp(name, "release") == 0)
                return option_read_string(m, name, &reader->release, reterr_bus);
        return read_commit_option(reader, m, name, reterr_bus);
}

int change_reader_read_apply(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        int r;

        r = options_read(m, read_set_entry, reader, reterr_bus);
        if (r < 0)
                return r;

        r = read_unset(reader, m, reterr_bus);
        if (r < 0)
                return r;

        r = read_apply_flags(reader, m, reterr_bus);
        if (r < 0)
                return r;

        r = options_read(m, read_apply_option, reader, reterr_bus);
        if (r < 0)
                return r;

        classify_wish(reader->wish, reader->class);
        r = classify_keys(reader, reterr_bus);
        if (r < 0)
                return r;

        return use_release(reader->wish, reader->release, reterr_bus);
}

/* What Manager.Apply says of one namespace; its class is -1 until one is given. */
typedef struct NamespaceReading {
        ChangeReader *reader;
        int class;
} NamespaceReading;

static int read_namespace_option(sd_bus_message *m,
                                 const char *name,
                                 void *userdata,
                                 sd_bus_error *reterr_bus)
{
        NamespaceReading *reading = userdata;
        EntryClass class;
        int r;

        if (strcmp(name, "set") == 0)
                return option_read_dictionary(m, name, read_set_entry, reading->reader, reterr_bus);
        if (strcmp(name, "unset") == 0) {
                r = option_enter(m, name, "as", reterr_bus);
                if (r < 0)
                        return r;

                r = read_unset(reading->reader, m, reterr_bus);
                if (r < 0)
                        return r;

                r = sd_bus_message_exit_container(m);
                return r < 0 ? r : 0;
        }
        if (strcmp(name, "class") == 0) {
                r = read_class(reading->reader, m, name, &class, reterr_bus);
                if (r < 0)
                        return r;

                reading->class = (int) class;
                return 0;
        }
        if (strcmp(name, "reason") == 0 || strcmp(name, "durability") == 0 ||
            strcmp(name, "confirm-timeout-usec") == 0)
                return option_unknown(name, reterr_bus); /* a commit has one */
        return read_apply_option(m, name, reading->reader, reterr_bus);
}

typedef struct ApplyManyReading {
        ChangeReader *reader;
        GArray *classes;     /* int, of each namespace read */
        GPtrArray *releases; /* likewise, in the message, or NULL */
} ApplyManyReading;

static int read_namespace_changes(sd_bus_message *m,
                                  const char *name,
                                  void *userdata,
                                  sd_bus_error *reterr_bus)
{
        ApplyManyReading *many = userdata;
        NamespaceReading reading = { .reader = many->reader, .class = -1 };
        int r;

        r = change_reader_begin(many->reader, name, reterr_bus);
        if (r < 0)
                return r;

        many->reader->release = NULL;
        r = option_read_dictionary(m, name, read_namespace_option, &reading, reterr_bus);
        if (r < 0)
                return r;

        g_array_append_val(many->classes, reading.class);
        g_ptr_array_add(many->releases, (gpointer) (uintptr_t) many->reader->release);
        return 0;
}

static int read_apply_many_option(sd_bus_message *m,
                                  const char *name,
                                  void *userdata,
                                  sd_bus_error *reterr_bus)
{
        ChangeReader *reader = userdata;

        if (strcmp(name, "class") == 0)
                return read_class(reader, m, name, &reader->class, reterr_bus);
        return read_commit_option(reader, m, name, reterr_bus);
}

int change_reader_read_apply_many(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        g_autoptr(GArray) classes = g_array_new(FALSE, FALSE, sizeof(int));
        g_autoptr(GPtrArray) releases = g_ptr_array_new();
        ApplyManyReading many = { reader, classes, releases };
        int r;

        r = options_read(m, read_namespace_changes, &many, reterr_bus);
        if (r < 0)
                return r;

        r = read_apply_flags(reader, m, reterr_bus);
        if (r < 0)
                return r;

        r = options_read(m, read_apply_many_option, reader, reterr_bus);
        if (r < 0)
                return r;

        for (guint i = 0; i < classes->len; i++) {
                int class = g_array_index(classes, int, i);

                classify_wish(reader->set->namespaces->pdata[i],
                              class < 0 ? reader->class : (EntryClass) class);
        }
        r = classify_keys(reader, reterr_bus);
        for (guint i = 0; i < releases->len && r >= 0; i++)
                r = use_release(reader->set->namespaces->pdata[i], releases->pdata[i], reterr_bus);
        return r;
}
