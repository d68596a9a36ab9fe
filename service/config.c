/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration
 *
 * A parser of our own, because GKeyFile does not say in which line something is wrong, and gives a
 * whole file up for one bad line.
 */

#include "config.h"

#include "core/name.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FILE_BYTES_MAX    LIMIT_MIB
#define LINE_BYTES_MAX    4096u
#define DROP_INS_MAX      1024u
#define COMPLAINTS_MAX    32u
#define JOURNAL_BYTES_MIN (64 * LIMIT_KIB)
#define JOURNAL_BYTES_MAX (64 * LIMIT_GIB)
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
        unsigned line;
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

/* Digits, and K, M or G. */
static int parse_size(const char *text, uint64_t *ret_size)
{
        uint64_t size, unit = 1;
        char *end;

        if (!g_ascii_isdigit(*text))
                return -EINVAL;

        errno = 0;
        size = g_ascii_strtoull(text, &end, 10);
        if (errno != 0)
                return -ERANGE;

        switch (*end) {
        case 'K':
                unit = LIMIT_KIB;
                break;
        case 'M':
                unit = LIMIT_MIB;
                break;
        case 'G':
                unit = LIMIT_GIB;
                break;
        default:
                break;
        }
        if (unit > 1)
                end++;
        if (*end != '\0')
                return -EINVAL;
        if (size > UINT64_MAX / unit)
                return -ERANGE;

        *ret_size = size * unit;
        return 0;
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

static void set_store(Parser *parser, const char *setting, const char *value)
{
        uint64_t size;

        if (strcmp(setting, "CheckpointJournalBytes") != 0) {
                complain_of_setting(parser, setting);
                return;
        }

        if (parse_size(value, &size) == 0 && size >= JOURNAL_BYTES_MIN && size <= JOURNAL_BYTES_MAX)
                parser->config->checkpoint_journal_bytes = size;
        else
                complain_of_value(parser, setting, value);
}

static void set_limit(Parser *parser, const char *setting, const char *value)
{
        Limits *limits = &parser->config->limits;
        uint64_t size = 0;
        int r;

        r = parse_size(value, &size);
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

static void parse_section(Parser *parser, char *line)
{
        static const char *const names[] = {
                [SECTION_SERVICE] = "[Service]",
                [SECTION_STORE] = "[Store]",
                [SECTION_LIMITS] = "[Limits]",
        };
        g_autofree char *quoted = NULL;

        for (size_t i = SECTION_SERVICE; i < G_N_ELEMENTS(names); i++)
                if (strcmp(names[i], line) == 0) {
                        parser->section = (Section) i;
                        return;
                }

        parser->section = SECTION_NONE;
        quoted = name_quote(line);
        complain(parser, "there is no section %s", quoted);
}

static void parse_setting(Parser *parser, char *line)
{
        g_autofree char *quoted = NULL;
        char *value = strchr(line, '=');

        if (!value || value == line) {
                quoted = name_quote(line);
                complain(parser, "%s is not a section, a setting or a comment", quoted);
                return;
        }

        *value++ = '\0';
        g_strchomp(line);
        g_strchug(value);

        switch (parser->section) {
        case SECTION_NONE:
                quoted = name_quote(line);
                complain(parser, "%s is set outside of every known section", quoted);
                return;
        case SECTION_SERVICE:
                set_service(parser, line, value);
                return;
        case SECTION_STORE:
                set_store(parser, line, value);
                return;
        case SECTION_LIMITS:
                set_limit(parser, line, value);
                return;
        }

        g_assert_not_reached();
}

static void parse_line(Parser *parser, const char *text, size_t n_bytes)
{
        g_autofree char *line = NULL;

        parser->line++;
        if (n_bytes > LINE_BYTES_MAX) {
                complain(parser, "the line is longer than %u bytes", LINE_BYTES_MAX);
                return;
        }
        if (memchr(text, '\0', n_bytes)) {
                complain(parser, "the line holds a zero byte");
                return;
        }

        line = g_strstrip(g_strndup(text, n_bytes));
        if (*line == '\0' || *line == '#' || *line == ';')
                return;
        if (*line == '[')
                parse_section(parser, line);
        else
                parse_setting(parser, line);
}

static void parse_file(Config *config, const char *path, const char *text, size_t n_bytes)
{
        Parser parser = { .config = config, .path = path };

        for (size_t start = 0; start < n_bytes;) {
                const char *newline = memchr(text + start, '\n', n_bytes - start);
                size_t end = newline ? (size_t) (newline - text) : n_bytes;

                parse_line(&parser, text + start, end - start);
                start = end + 1;
        }

        if (parser.n_complaints > COMPLAINTS_MAX)
                log_record(LOG_WARNING, LOG_FIELDS(log_text("CONFIG_FILE", path)),
                           "%s: %u more lines are wrong", path,
                           parser.n_complaints - COMPLAINTS_MAX);
}

static bool is_null_device(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int read_all(int fd, GByteArray *bytes)
{
        uint8_t block[4096];
        ssize_t n;

        do {
                n = read(fd, block, sizeof block);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        g_byte_array_append(bytes, block, (guint) n);
                if (bytes->len > FILE_BYTES_MAX)
                        return -EFBIG;
        } while (n != 0);

        return 0;
}

static int load_file(Config *config, const char *path)
{
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        struct stat st;
        int fd, r;

        /* Not to wait for whoever would write to a FIFO. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;

        if (fstat(fd, &st) < 0)
                r = -errno;
        else if (is_null_device(&st))
                r = 0;
        else if (S_ISREG(st.st_mode))
                r = read_all(fd, bytes);
        else
                r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        close(fd);
        if (r < 0)
                return r;

        parse_file(config, path, (const char *) bytes->data, bytes->len);
        return 0;
}

static void load_file_or_complain(Config *config, const char *path)
{
        int r = load_file(config, path);

        if (r < 0)
                log_record(LOG_WARNING, LOG_FIELDS(log_text("CONFIG_FILE", path), LOG_ERRNO(r)),
                           "%s: cannot be read: %s", path, g_strerror(-r));
}

/* Adds the drop-ins in @directory, name -> path, in place of those of the same name. */
static void find_drop_ins(GTree *paths, const char *directory)
{
        g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir)))
                if (g_str_has_suffix(name, ".conf") && (guint) g_tree_nnodes(paths) < DROP_INS_MAX)
                        g_tree_replace(paths, g_strdup(name),
                                       g_build_filename(directory, name, NULL));
}

static gboolean load_drop_in(gpointer unused G_GNUC_UNUSED, gpointer path, gpointer config)
{
        load_file_or_complain(config, path);
        return FALSE;
}

static int compare_names(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

static GTree *drop_ins_new(void)
{
        return g_tree_new_full(compare_names, NULL, g_free, g_free);
}

void config_load_directories(Config *config, const char *const *directories)
{
        g_autoptr(GTree) drop_ins = drop_ins_new();
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
        drop_ins = drop_ins_new();
        find_drop_ins(drop_ins, directory);
        g_tree_foreach(drop_ins, load_drop_in, config);
        return 0;
}
