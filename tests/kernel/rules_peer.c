/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is it true what the case files of tests/rules say? Each case through this machine's iptables (the
 * legacy back end, version 1.8.9), in a network namespace of its own, with the files of names that
 * the cases mean in place of the system's.
 *
 * usage: rules_peer KNOWN MAKE_NFACCT FILE...
 */
#include "../rules/fixed_names.h"
#include "../rules/known.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 16384, COMMAND_MAX = 512 };

/* --- running commands --- */

static void __attribute__((noreturn)) die(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_file(const char *path, const char *text)
{
    FILE *to = fopen(path, "w");
    if (!to || fputs(text, to) < 0 || fclose(to))
        die(path);
}

/* Through a shell, in the directory of this run, which has the files in, out and err. Its status.
 */
static int __attribute__((format(printf, 1, 2))) command(const char *format, ...)
{
    char text[COMMAND_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(text))
        die("command is too long");
    int status = system(text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A file of that directory; NUL bytes are left out, as terminals do. */
static char *read_back(const char *path, char text[OUTPUT_MAX])
{
    FILE *from = fopen(path, "r");
    size_t len = 0;
    if (!from)
        die(path);
    for (int c; (c = getc(from)) != EOF && len < OUTPUT_MAX - 1;)
        if (c)
            text[len++] = (char)c;
    fclose(from);
    text[len] = '\0';
    return text;
}

/* --- the namespaces --- */

static void use_fixed_names(void)
{
    char mine[] = "names_";
    for (const char *const *file = fixed_files; *file; file++) {
        mine[sizeof(mine) - 2] = (char)('a' + (file - fixed_files));
        FILE *to = access(*file, F_OK) == 0 ? fopen(mine, "w") : NULL;
        if (!to)
            continue;
        fixed_names_write(to, *file);
        fclose(to);
        if (mount(mine, *file, NULL, MS_BIND, NULL))
            die(*file);
    }
}

static void enter(const char *make_nfacct)
{
    char directory[] = "/tmp/rules_peer.XXXXXX";
    if (unshare(CLONE_NEWNET | CLONE_NEWNS)) {
        printf("1..0 # SKIP no namespaces: %s\n", strerror(errno));
        exit(0);
    }
    /* The directory is a file system of this mount namespace only, and ends with it. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || !mkdtemp(directory) ||
        mount("none", directory, "tmpfs", 0, NULL) || chdir(directory))
        die("a directory to work in");
    use_fixed_names();
    write_file("in", case_sets);
    if (command("ipset restore <in") || command("%s acct1", make_nfacct))
        die("sets and accounting objects");
}

/* The mount point itself is outside; nothing is below it there. */
static void leave(void)
{
    char directory[64];
    if (getcwd(directory, sizeof(directory)) && !chdir("/") && !umount2(directory, MNT_DETACH))
        rmdir(directory);
}

/* --- a case --- */

static const char *program(const struct rule_case *c)
{
    return c->family == 4 ? "iptables-legacy" : "ip6tables-legacy";
}

static bool says(bool same, const char *what, const char *want, const char *got)
{
    if (!same)
        printf("#     %s: want [%s], got [%.*s]\n", what, want, (int)strcspn(got, "\n"), got);
    return same;
}

/* The message stands alone in its line, or behind "PROGRAM: " or "PROGRAM VERSION: ". */
static bool refused_so(const struct rule_case *c)
{
    char text[OUTPUT_MAX], copy[OUTPUT_MAX], *rest;
    bool found = !*c->refused;
    strcpy(copy, read_back("err", text));
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        size_t len = strlen(line), want = strlen(c->refused);
        found |= len >= want && strcmp(line + len - want, c->refused) == 0 &&
                 (len == want || (line[len - want - 1] == ' ' && strncmp(line, "ip", 2) == 0));
    }
    return says(found, "message", c->refused, copy);
}

static bool saved_so(const struct rule_case *c)
{
    char text[OUTPUT_MAX], *rest;
    const size_t prefix = strlen("-A ") + strlen(c->chain);
    unsigned count = 0;
    bool good = true;
    command("%s-save -t %s >out 2>err", program(c), c->table);
    read_back("out", text);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "-A ", 3) != 0)
            continue;
        const char *rule = line[prefix] ? line + prefix + 1 : "";
        const char *want = count < c->saved_count ? c->saved[count] : "(none)";
        good &= says(strcmp(want, rule) == 0, "saved rule", want, rule);
        count++;
    }
    return good && says(count >= c->saved_count, "saved rules", "more", "fewer");
}

static bool listed_so(const struct rule_case *c, enum case_list which)
{
    static const struct {
        const char *options;
        bool whole_line;
    } lists[CASE_LISTS] = {{"-n", false}, {"", false}, {"-v -n --line-numbers", true}, {"", true}};
    char text[OUTPUT_MAX];
    const char *want = c->lists[which];
    command("%s -t %s -L %s %s >out 2>err", program(c), c->table, c->chain, lists[which].options);
    char *line = strchr(read_back("out", text), '\n');
    line = line ? strchr(line + 1, '\n') : NULL;
    line = line ? line + 1 : text;
    line[strcspn(line, "\n")] = '\0';
    size_t len = strlen(line), end = strlen(want);
    return says(len >= end && strcmp(line + len - end, want) == 0 &&
                    (!lists[which].whole_line || len == end),
                lists[which].options, want, line);
}

static bool holds(const struct rule_case *c)
{
    uint32_t line;
    char *file = case_file(c, &line);
    write_file("in", file);
    free(file);
    bool refused = command("%s-restore <in >out 2>err", program(c)) != 0;
    char text[OUTPUT_MAX];
    if (refused != (c->refused != NULL))
        return says(false, "refused", c->refused ? "yes" : "no", read_back("err", text));
    if (refused)
        return refused_so(c);
    bool good = saved_so(c);
    for (enum case_list i = 0; i < CASE_LISTS; i++)
        if (c->lists[i])
            good &= listed_so(c, i);
    /* What a rule made (lists of recent, rates) ends with it. */
    command("%s -t %s -F && %s -t %s -X", program(c), c->table, program(c), c->table);
    return good;
}

static void run_file(struct known *known, const char *path)
{
    const char *base = strrchr(path, '/') + 1;
    unsigned passed = 0, failed = 0;
    struct cases cases;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
    cases_read(&cases, path);
    for (unsigned i = 0; i < cases.count; i++) {
        const struct rule_case *c = &cases.list[i];
        if (holds(c)) {
            passed++;
        } else if (!known_failed(known, name, c)) {
            failed++;
            printf("#   %s.rules:%u: %u %s %s > %s\n", name, c->line, c->family, c->table, c->chain,
                   c->input);
        }
    }
    printf("%s - %s: %u of %u\n", failed ? "not ok" : "ok", name, passed, cases.count);
    fflush(stdout);
    cases_free(&cases);
}

int main(int argc, char **argv)
{
    struct known known;
    if (argc < 4) {
        fprintf(stderr, "usage: %s KNOWN MAKE_NFACCT FILE...\n", argv[0]);
        return 2;
    }
    known_read(&known, argv[1]);
    printf("1..%d\n", argc - 2);
    for (int i = 2; i < argc; i++)
        if (!(argv[i] = realpath(argv[i], NULL)))
            die("realpath");
    enter(argv[2]);
    for (int i = 3; i < argc; i++)
        run_file(&known, argv[i]);
    known_report(&known);
    leave();
    for (int i = 2; i < argc; i++)
        free(argv[i]);
    known_free(&known);
    return 0;
}
