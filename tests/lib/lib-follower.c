/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib-follower LOOP [FLAG…]   Follows with libregent what it is told to, and prints what it is told by that.
 *
 * A command a line, words apart by TAB, "-" for NULL:
 *
 *      watch NAME ns|names TARGET PREFIX POSITION FLAGS      ack NAME REVISION      unwatch NAME
 *      participate NAME NS PREFIX TIMEOUT FLAGS               agree NAME TRANSACTION
 *      object NAME TRANSACTION REASON                         leave NAME
 *      get NAMESPACE KEY      cut bus|channel|both            free      end
 *
 * cut: the connection is hung up, as it is when who serves it goes.
 *
 * LOOP: of loop.h, or "own", which ends when the Regent is freed. FLAG: bus-only.
 *
 * FLAGS: letters. Of a watch p: patient, a: acknowledged, c: it calls regentd in the callback, f: it is freed in the
 * first callback, F: so is the Regent. Of a participant o: optional, y: it agrees in the callback, n: it objects, f, F.
 */

#include "loop.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct Program {
        Regent *regent;
        GHashTable *followed; /* name -> Followed */
        GString *input;
} Program;

typedef struct Followed {
        Program *program;
        char *name;
        char *flags;
        char *ns_name;
        RegentWatch *watch;
        RegentParticipant *participant;
} Followed;

static const char *const watch_kinds[] = {
        "?", "state", "change", "gone", "live", "away", "ended"
};
static const char *const participant_kinds[] = { "?",     "registered", "prepare", "commit",
                                                 "abort", "away",       "refused" };

static void followed_free(gpointer item)
{
        Followed *followed = item;

        regent_watch_free(followed->watch);
        regent_participant_free(followed->participant);
        g_free(followed->name);
        g_free(followed->flags);
        g_free(followed->ns_name);
        g_free(followed);
}

static bool has_flag(const Followed *followed, char flag)
{
        return strchr(followed->flags, flag) != NULL;
}

static char *print_values(GVariant *values)
{
        return values ? g_variant_print(values, TRUE) : g_strdup("-");
}

static char *print_keys(const char *const *keys)
{
        g_autoptr(GVariant) list = keys ? g_variant_ref_sink(g_variant_new_strv(keys, -1)) : NULL;

        return print_values(list);
}

static const char *text(const char *given)
{
        return given ? given : "-";
}

static void free_as_told(Followed *followed)
{
        if (has_flag(followed, 'f')) {
                followed->watch = regent_watch_free(followed->watch);
                followed->participant = regent_participant_free(followed->participant);
        }
        if (has_flag(followed, 'F'))
                followed->program->regent = regent_free(followed->program->regent);
}

static void on_watch(RegentWatch *watch, const RegentWatchEvent *event, void *userdata)
{
        Followed *followed = userdata;
        Regent *regent = followed->program->regent;
        g_autofree char *values = print_values(event->values),
                        *removed = print_keys(event->removed);

        (void) watch;
        printf("event\t%s\t%s\t%d\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%d\t%s\t%s\t%s\n",
               followed->name, watch_kinds[event->kind], event->result,
               event->result < 0 ? text(regent_error_name(regent)) : "-", text(event->ns_name),
               event->previous, event->revision, event->is_merged, text(event->position), removed,
               values);
        if (has_flag(followed, 'c')) {
                int r = regent_get(regent, followed->ns_name, "key", NULL);

                printf("called\t%s\t%d\n", followed->name, r);
        }
        fflush(stdout);
        free_as_told(followed);
}

static void on_participant(RegentParticipant *participant,
                           const RegentParticipantEvent *event,
                           void *userdata)
{
        Followed *followed = userdata;
        Regent *regent = followed->program->regent;
        g_autofree char *values = print_values(event->values),
                        *removed = print_keys(event->removed),
                        *current = print_values(event->current);

        printf("asked\t%s\t%s\t%d\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\t%s\n",
               followed->name, participant_kinds[event->kind], event->result,
               event->result < 0 ? text(regent_error_name(regent)) : "-", text(event->ns_name),
               text(event->transaction), event->revision, event->timeout_usec, removed, values,
               current);
        fflush(stdout);
        if (event->kind == REGENT_PARTICIPANT_PREPARE && has_flag(followed, 'y'))
                regent_participant_agree(participant, event->transaction);
        if (event->kind == REGENT_PARTICIPANT_PREPARE && has_flag(followed, 'n'))
                regent_participant_object(participant, event->transaction, "no");
        free_as_told(followed);
}

static const char *optional(const char *word)
{
        return strcmp(word, "-") == 0 ? NULL : word;
}

static Followed *add(Program *program, const char *name, const char *flags)
{
        Followed *followed = g_new0(Followed, 1);

        followed->program = program;
        followed->name = g_strdup(name);
        followed->flags = g_strdup(flags);
        g_hash_table_replace(program->followed, followed->name, followed);
        return followed;
}

static int run_watch(Program *program, char **words)
{
        Followed *followed = add(program, words[1], words[6]);

        followed->ns_name = g_strdup(words[3]);
        followed->watch =
                strcmp(words[2], "ns") == 0
                        ? regent_watch_new(program->regent, words[3], on_watch, followed)
                        : regent_watch_new_by_prefix(program->regent, words[3], on_watch, followed);
        if (optional(words[4]))
                regent_watch_set_prefix(followed->watch, words[4]);
        if (optional(words[5]))
                regent_watch_set_position(followed->watch, words[5]);
        regent_watch_set_patient(followed->watch, has_flag(followed, 'p'));
        regent_watch_set_acknowledged(followed->watch, has_flag(followed, 'a'));
        return regent_watch_start(followed->watch);
}

static int run_participate(Program *program, char **words)
{
        Followed *followed = add(program, words[1], words[5]);

        followed->participant = regent_participant_new(
                program->regent, words[2], optional(words[3]), on_participant, followed);
        regent_participant_set_optional(followed->participant, has_flag(followed, 'o'));
        if (optional(words[4]))
                regent_participant_set_timeout(followed->participant,
                                               g_ascii_strtoull(words[4], NULL, 10));
        return regent_participant_start(followed->participant);
}

/* The bus listens at a name; a channel is half of a pair. */
static int run_cut(const char *which)
{
        bool is_of_bus = strcmp(which, "channel") != 0, is_of_channel = strcmp(which, "bus") != 0;
        int n_cut = 0;

        for (int fd = 3; fd < 64; fd++) {
                struct sockaddr_storage address;
                socklen_t size = sizeof(address);
                bool is_channel;

                if (getpeername(fd, (struct sockaddr *) &address, &size) < 0)
                        continue;
                is_channel = size <= sizeof(sa_family_t);
                if (is_channel ? is_of_channel : is_of_bus)
                        n_cut += shutdown(fd, SHUT_RDWR) == 0;
        }

        return n_cut;
}

static int run_command(Program *program, char **words)
{
        Followed *followed = words[1] ? g_hash_table_lookup(program->followed, words[1]) : NULL;

        if (strcmp(words[0], "watch") == 0)
                return run_watch(program, words);
        if (strcmp(words[0], "participate") == 0)
                return run_participate(program, words);
        if (strcmp(words[0], "get") == 0)
                return regent_get(program->regent, words[1], words[2], NULL);
        if (strcmp(words[0], "cut") == 0)
                return run_cut(words[1]);
        if (strcmp(words[0], "free") == 0) {
                program->regent = regent_free(program->regent);
                return 0;
        }
        if (strcmp(words[0], "ack") == 0)
                return regent_watch_acknowledge(followed->watch,
                                                g_ascii_strtoull(words[2], NULL, 10));
        if (strcmp(words[0], "agree") == 0)
                return regent_participant_agree(followed->participant, words[2]);
        if (strcmp(words[0], "object") == 0)
                return regent_participant_object(followed->participant, words[2], words[3]);

        g_hash_table_remove(program->followed, words[1]);
        return 0;
}

/* Commands that are complete; false after "end". */
static bool run_lines(Program *program)
{
        char *end;

        while ((end = memchr(program->input->str, '\n', program->input->len))) {
                g_autofree char *line =
                        g_strndup(program->input->str, (size_t) (end - program->input->str));
                g_auto(GStrv) words = g_strsplit(line, "\t", -1);
                int r;

                g_string_erase(program->input, 0, end - program->input->str + 1);
                if (strcmp(line, "end") == 0)
                        return false;
                r = run_command(program, words);
                printf("did\t%s\t%d\t%s\n", words[0], r,
                       r < 0 && program->regent ? text(regent_error_name(program->regent)) : "-");
                fflush(stdout);
        }

        return program->regent != NULL;
}

static bool on_input(void *userdata)
{
        Program *program = userdata;
        char buffer[65536];
        ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));

        if (n <= 0)
                return false;

        g_string_append_len(program->input, buffer, n);
        return run_lines(program);
}

/* A loop that ends with the Regent. */
static int run_until_freed(Program *program)
{
        while (program->regent) {
                struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
                int r;

                r = regent_wait(program->regent, 10000);
                if (r < 0 && r != -ETIMEDOUT)
                        return r;
                if (program->regent && poll(&fd, 1, 0) > 0 && !on_input(program))
                        return 0;
        }

        return 0;
}

int main(int argc, char **argv)
{
        Program program = { .regent = regent_new(), .input = g_string_new(NULL) };
        Loop loop = { program.regent, STDIN_FILENO, on_input, &program };
        int r;

        if (argc > 2 && strcmp(argv[2], "bus-only") == 0)
                regent_set_flags(program.regent, REGENT_BUS_ONLY);
        program.followed = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, followed_free);
        r = regent_open(program.regent);
        if (r >= 0)
                r = strcmp(argv[1], "own") == 0 ? run_until_freed(&program)
                                                : loop_run(argv[1], &loop);

        g_hash_table_unref(program.followed);
        regent_free(program.regent);
        g_string_free(program.input, TRUE);
        printf("ended\t%d\n", r);
        return 0;
}
