/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration
 */

#include "config.h"

#include "core/name.h"
#include "util/conf-file.h"
#include "util/ini.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX    LIMIT_MIB
#define LINE_BYTES_MAX    4096u
#define DROP_INS_MAX      1024u
#define COMPLAINTS_MAX    32u
#define JOURNAL_BYTES_MIN (64 * LIMIT_KIB)
#define JOURNAL_BYTES_MAX (64 * LIMIT_GIB)
#define SYNC_USEC_MIN     ((uint64_t) G_USEC_PER_SEC / 100)
#define SYNC_USEC_MAX     ((uint64_t) G_USEC_PER_SEC * 86400)
#define CONFIG_NAME       "regentd.conf"
#define DROP_IN_DIRECTORY CONFIG_NAME ".d"

typedef enum Section {
        SECTION_NONE, /* before the first, or in one that is unknown */
        SECTION_SERVICE,
        SECTION_STORE,
        SECTION_LIMITS,
} Section;

/* One file while it is read. */
typedef struct Parser {
        Config *config;
        const char *path;
        unsigned line; /* that is being read */
        Section section;
        unsigned n_complaints;
} Parser;

void config_init(Config *config)
{
        *config = (Config){
                .log_level = LOG_INFO,
                .checkpoint_journal_bytes = LIMIT_MIB,
        };
        limits_init(&config->limits);
}

G_GNUC_PRINTF(2, 3)
static void complain(Parser *parser, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list arguments;

        if (++parser->n_complaints > COMPLAINTS_MAX)
                return;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        log_record(LOG_WARNING,
                   LOG_FIELDS(log_text("CONFIG_FILE", parser->path),
                              log_number("CONFIG_LINE", parser->line)),
                   "%s:%u: %s", parser->path, parser->line, text);
}

static void complain_of_value(Parser *parser, const char *setting, const char *value)
{
        g_autofree char *quoted = name_quote(value);

        complain(parser, "%s cannot be %s", setting, quoted);
}

static void complain_of_setting(Parser *parser, const char *setting)
{
        g_autofree char *quoted = name_quote(setting);

        complain(parser, "there is no setting %s in this section", quoted);
}

static void set_service(Parser *parser, const char *setting, const char *value)
{
        int level;

        if (strcmp(setting, "LogLevel") != 0) {
                complain_of_setting(parser, setting);
                return;
        }

        level = log_level_from_name(value);
        if (level >= 0)
                parser->config->log_level = level;
        else
                complain_of_value(parser, setting, value);
}

static void set_sync_interval(Parser *parser, const char *setting, const char *value)
{
        uint64_t usec;

        if (ini_parse_timespan(value, &usec) == 0 &&
            (usec == 0 || (usec >= SYNC_USEC_MIN && usec <= SYNC_USEC_MAX)))
                parser->config->sync_interval_usec = usec;
        else
                complain_of_value(parser, setting, value);
}

static void set_store(Parser *parser, const char *setting, const char *value)
{
        uint64_t size;

        if (strcmp(setting, "SyncIntervalSec") == 0) {
                set_sync_interval(parser, setting, value);
                return;
        }
        if (strcmp(setting, "CheckpointJournalBytes") != 0) {
                complain_of_setting(parser, setting);
                return;
        }

        if (ini_parse_size(value, &size) == 0 && size >= JOURNAL_BYTES_MIN &&
            size <= JOURNAL_BYTES_MAX)
                parser->config->checkpoint_journal_bytes = size;
        else
                complain_of_value(parser, setting, value);
}

static void set_limit(Parser *parser, const char *setting, const char *value)
{
        Limits *limits = &parser->config->limits;
        uint64_t size = 0;
        int r;

        r = ini_parse_size(value, &size);
        if (r < 0) {
                /* So that an unknown setting is called that, whatever it is set to. */
                Limits unused = *limits;

                r = limits_set(&unused, setting, 0) == LIMITS_E_UNKNOWN ? LIMITS_E_UNKNOWN
                                                                        : LIMITS_E_OUT_OF_RANGE;
        } else
                r = limits_set(limits, setting, size);

        if (r == LIMITS_E_UNKNOWN)
                complain_of_setting(parser, setting);
        else if (r != 0)
                complain_of_value(parser, setting, value);
}

static void on_section(void *userdata, unsigned line, char *section)
{
        static const char *const names[] = {
                [SECTION_SERVICE] = "[Service]",
                [SECTION_STORE] = "[Store]",
                [SECTION_LIMITS] = "[Limits]",
        };
        g_autofree char *quoted = NULL;
        Parser *parser = userdata;

        parser->line = line;
        for (size_t i = SECTION_SERVICE; i < G_N_ELEMENTS(names); i++)
                if (strcmp(names[i], section) == 0) {
                        parser->section = (Section) i;
                        return;
                }

        parser->section = SECTION_NONE;
        quoted = name_quote(section);
        complain(parser, "there is no section %s", quoted);
}

static void on_setting(void *userdata, unsigned line, const char *setting, char *value)
{
        g_autofree char *quoted = NULL;
        Parser *parser = userdata;

        parser->line = line;
        switch (parser->section) {
        case SECTION_NONE:
                quoted = name_quote(setting);
                complain(parser, "%s is set outside of every known section", quoted);
                return;
        case SECTION_SERVICE:
                set_service(parser, setting, value);
                return;
        case SECTION_STORE:
                set_store(parser, setting, value);
                return;
        case SECTION_LIMITS:
                set_limit(parser, setting, value);
                return;
        }

        g_assert_not_reached();
}

static void on_fault(void *userdata, unsigned line, const char *text, const char *why)
{
        g_autofree char *quoted = text ? name_quote(text) : NULL;
        Parser *parser = userdata;

        parser->line = line;
        complain(parser, "%s%s%s", quoted ? quoted : "", quoted ? " " : "", why);
}

static void parse_file(Config *config, const char *path, const GByteArray *bytes)
{
        Parser parser = { .config = config, .path = path };
        const IniReader reader = {
                .on_section = on_section,
                .on_setting = on_setting,
                .on_fault = on_fault,
                .line_bytes_max = LINE_BYTES_MAX,
                .userdata = &parser,
        };

        ini_parse(&reader, (const char *) bytes->data, bytes->len);
        if (parser.n_complaints > COMPLAINTS_MAX)
                log_record(LOG_WARNING, LOG_FIELDS(log_text("CONFIG_FILE", path)),
                           "%s: %u more lines are wrong", path,
                           parser.n_complaints - COMPLAINTS_MAX);
}

static int load_file(Config *config, const char *path)
{
        g_autoptr(GByteArray) bytes = NULL;
        int r;

        r = conf_file_read(path, FILE_BYTES_MAX, &bytes);
        if (r != 0)
                return r == CONF_FILE_E_MASKED ? 0 : r;

        parse_file(config, path, bytes);
        return 0;
}

static void load_file_or_complain(Config *config, const char *path)
{
        int r = load_file(config, path);

        if (r < 0)
                log_record(LOG_WARNING, LOG_FIELDS(log_text("CONFIG_FILE", path), LOG_ERRNO(r)),
                           "%s: cannot be read: %s", path, g_strerror(-r));
}

static void find_drop_ins(GTree *drop_ins, const char *directory)
{
        int r = conf_files_add(drop_ins, directory, DROP_INS_MAX);

        if (r < 0)
                log_record(LOG_WARNING,
                           LOG_FIELDS(log_text("CONFIG_FILE", directory), LOG_ERRNO(r)),
                           "%s: cannot be read whole: %s", directory, g_strerror(-r));
}

static gboolean load_drop_in(gpointer unused G_GNUC_UNUSED, gpointer path, gpointer config)
{
        load_file_or_complain(config, path);
        return FALSE;
}

void config_load_directories(Config *config, const char *const *directories)
{
        g_autoptr(GTree) drop_ins = conf_files_new();
        g_autofree char *last = NULL;

        for (; *directories; directories++) {
                g_autofree char *path = g_build_filename(*directories, CONFIG_NAME, NULL);
                g_autofree char *drop_in = g_build_filename(*directories, DROP_IN_DIRECTORY, NULL);

                find_drop_ins(drop_ins, drop_in);
                if (access(path, F_OK) == 0) {
                        g_free(last);
                        last = g_steal_pointer(&path);
                }
        }

        if (last)
                load_file_or_complain(config, last);
        g_tree_foreach(drop_ins, load_drop_in, config);
}

int config_load(Config *config, const char *file)
{
        static const char *const standard[] = { "/usr/lib/regent", "/etc/regent", "/run/regent",
                                                NULL };
        g_autofree char *directory = NULL;
        g_autoptr(GTree) drop_ins = NULL;
        int r;

        if (!file) {
                config_load_directories(config, standard);
                return 0;
        }

        r = load_file(config, file);
        if (r < 0)
                return r;

        directory = g_strconcat(file, ".d", NULL);
        drop_ins = conf_files_new();
        find_drop_ins(drop_ins, directory);
        g_tree_foreach(drop_ins, load_drop_in, config);
        return 0;
}
