/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notes: how a shard's stubs come to be what they should be.
 *
 * When a connection enters its owner's table, its tuples are compared with their homes; each that
 * has another home is announced there, before the packet that made it has left. When the connection
 * goes, the stub is withdrawn. Notes from one shard to another arrive in the order in which they
 * were written, so what is announced, withdrawn and announced again ends as it should.
 *
 * The home may have the tuple already: in its own table, or as another's stub. Then it refuses, and
 * the owner ends its connection. (A tuple has at most one owner at any time; who was first at its
 * home wins.) Withdrawing a stub that was refused finds nothing, and does nothing.
 *
 * Nothing waits, and nothing is lost:
 *
 * - An announcement for which there is no room makes the connection's packet be dropped.
 * - A withdrawal for which there is no room is kept, and sent there before anything else. Nothing
 * is announced that there is no room to withdraw.
 * - So is a refusal; when many are kept, no more announcements are read until they are gone.
 */
#include "pipe/group.h"

static struct track *track_of(const struct worker *w)
{
    return &w->shard->track;
}

_Static_assert(offsetof(struct worker, peers) == 0, "a worker begins with what its tracker knows");

static const struct worker *asked(const struct peers *peers)
{
    return (const struct worker *)(const void *)peers;
}

static struct worker *told(const struct track *t)
{
    return (struct worker *)(void *)t->peers;
}

/* --- sending --- */

static struct ring *ring_to(const struct worker *w, uint16_t to)
{
    return &group_channel(w->group, w->number, to)->notes;
}

/* Can `notes` notes be sent now? What had to wait for the same shard goes first. */
static bool room(const struct worker *w, uint16_t to, uint32_t notes)
{
    return !w->waiting[to].first && ring_room(ring_to(w, to), notes) >= notes;
}

/* Where there is room. */
static void send(struct worker *w, uint16_t to, const struct note *note)
{
    struct ring *ring = ring_to(w, to);

    memcpy(ring_put(ring), note, sizeof(*note));
    (void)ring_publish(ring);
    w->stats.notes++;
    w->stats.lines += 2;
}

static struct late *late_at(const struct worker *w, uint32_t index)
{
    return slab_at(&w->late, index);
}

/* There is always memory for it: see may_announce() and read_from(). */
static void keep(struct worker *w, uint16_t to, const struct note *note)
{
    uint32_t index = slab_new(&w->late);

    *late_at(w, index) = (struct late){.note = *note};
    if (w->waiting[to].first)
        late_at(w, w->waiting[to].last)->next = index;
    else
        w->waiting[to].first = index;
    w->waiting[to].last = index;
    w->answers += note->kind == NOTE_REFUSED;
}

static void send_or_keep(struct worker *w, uint16_t to, const struct note *note)
{
    if (room(w, to, 1))
        send(w, to, note);
    else
        keep(w, to, note);
}

static void send_late(struct worker *w, uint16_t to)
{
    uint32_t index;

    while ((index = w->waiting[to].first) && ring_room(ring_to(w, to), 1)) {
        const struct late *late = late_at(w, index);

        w->waiting[to].first = late->next;
        w->answers -= late->note.kind == NOTE_REFUSED;
        send(w, to, &late->note);
        slab_free(&w->late, index);
    }
}

/* --- what a connection's tuples need --- */

/* One tuple whose home is elsewhere. */
struct abroad {
    uint16_t home;
    struct note note;
};

static bool look(const struct worker *w, const struct conn *c, uint32_t handle, enum weir_dir dir,
                 struct abroad *a)
{
    struct weir_tuple tuple = conn_tuple(c, dir);

    a->home = home_of_tuple(&w->group->homes, &tuple);
    a->note = (struct note){
        .tuple = tuple, .handle = handle, .zone = conn_zone(c, dir), .dir = (uint8_t)dir};
    return a->home != w->number;
}

/* How many of the connection's tuples in the table have their home elsewhere. */
static unsigned find_abroad(const struct worker *w, uint32_t handle, struct abroad a[2])
{
    const struct conn *c = conn_at(track_of(w), handle);
    unsigned n = 0;

    if (!(c->status & WEIR_S_NAT_CLASH)) /* which only has its reply tuple there */
        n += look(w, c, handle, WEIR_ORIG, &a[n]);
    /* Without NAT both have one home. */
    if (n || c->status & (WEIR_S_SRC_NAT | WEIR_S_DST_NAT))
        n += look(w, c, handle, WEIR_REPLY, &a[n]);
    return n;
}

/* All stubs that are out, and these, could have to wait for their withdrawal. */
static bool may_announce(const struct worker *w, const struct abroad *a, unsigned n)
{
    uint64_t out = w->stats.stubs_sent - w->stats.stubs_withdrawn;

    for (unsigned i = 0; i < n; i++)
        if (!room(w, a[i].home, n))
            return false;
    return n == 0 || out + w->late.count + n <= w->late.capacity - NOTES_ANSWERS;
}

static bool enter(struct track *t, uint32_t handle)
{
    struct worker *w = told(t);
    struct abroad a[2];
    unsigned n = find_abroad(w, handle, a);

    if (!may_announce(w, a, n))
        return false;
    for (unsigned i = 0; i < n; i++) {
        a[i].note.kind = NOTE_STUB;
        send(w, a[i].home, &a[i].note);
    }
    w->stats.stubs_sent += n;
    return true;
}

static void leave(struct track *t, uint32_t handle)
{
    struct worker *w = told(t);
    struct abroad a[2];
    unsigned n = find_abroad(w, handle, a);

    for (unsigned i = 0; i < n; i++) {
        a[i].note.kind = NOTE_UNSTUB;
        send_or_keep(w, a[i].home, &a[i].note);
    }
    w->stats.stubs_withdrawn += n;
}

static bool at_home(const struct peers *peers, const struct weir_tuple *tuple)
{
    const struct worker *w = asked(peers);

    return home_of_tuple(&w->group->homes, tuple) == w->number;
}

static bool taken(const struct peers *peers, const struct weir_tuple *tuple)
{
    const struct stubs *s = &asked(peers)->stubs;

    return s->slab.count && stub_owner(s, tuple, stub_hash(s, tuple)) != STUB_NONE;
}

void notes_init(struct worker *w)
{
    w->peers = (struct peers){w->group->shards, at_home, taken, enter, leave};
    w->shard->track.peers = &w->peers;
}

/* --- reading --- */

/* Has this shard a connection of its own with that tuple? */
static bool has_tuple(struct track *t, const struct note *note)
{
    struct table_probe probe;
    uint64_t hash = track_hash(t, &note->tuple, note->zone);

    for (uint32_t ref = table_first(&t->table, hash, &probe); ref;
         ref = table_next(&t->table, &probe)) {
        const struct conn *c = conn_at(t, ref);

        if (!conn_has_tuple(c, ref_dir(ref), &note->tuple) ||
            conn_zone(c, ref_dir(ref)) != note->zone)
            continue;
        if (!conn_expired(t, c))
            return true;
        conn_kill(t, ref_handle(ref));
        return false;
    }
    return false;
}

static struct stub stub_of(uint16_t owner, const struct note *note)
{
    return (struct stub){.tuple = note->tuple, .owner = owner, .zone = note->zone};
}

static void on_stub(struct worker *w, uint16_t from, const struct note *note)
{
    const struct stub stub = stub_of(from, note);
    struct note answer = *note;

    if (!has_tuple(track_of(w), note) && stub_add(&w->stubs, &stub))
        return;
    answer.kind = NOTE_REFUSED;
    send_or_keep(w, from, &answer);
}

/* The connection may be gone by now, and its place taken by another. */
static void on_refused(struct worker *w, const struct note *note)
{
    struct track *t = track_of(w);
    const struct conn *c = conn_at(t, note->handle);
    enum weir_dir dir = (enum weir_dir)note->dir;

    if (!(c->status & WEIR_S_CONFIRMED) || !conn_has_tuple(c, dir, &note->tuple) ||
        conn_zone(c, dir) != note->zone)
        return;
    w->stats.stubs_lost++;
    conn_kill(t, note->handle);
}

static void read_one(struct worker *w, uint16_t from, const struct note *note)
{
    const struct stub stub = stub_of(from, note);

    switch ((enum note_kind)note->kind) {
    case NOTE_STUB: on_stub(w, from, note); break;
    case NOTE_UNSTUB: (void)stub_del(&w->stubs, &stub); break;
    case NOTE_REFUSED: on_refused(w, note); break;
    }
    w->stats.lines++;
}

static void read_from(struct worker *w, uint16_t from)
{
    struct ring *ring = &group_channel(w->group, from, w->number)->notes;

    while (w->answers < NOTES_ANSWERS && ring_waiting(ring))
        read_one(w, from, ring_get(ring));
    w->stats.lines += ring_release(ring);
}

void notes_exchange(struct worker *w)
{
    const struct weir_group *g = w->group;

    for (uint16_t i = 0; w->late.count && i < g->shards; i++)
        send_late(w, i);
    for (uint16_t i = 0; i < g->shards; i++)
        if (i != w->number)
            read_from(w, i);
}
