/*
 * The last program of a guest: it does what the lines on its console ask for, each with a word of the asker's
 * to be answered by.
 *
 *   WORD channel DOMAIN    have an event channel that the domain may bind
 *   WORD bind DOMAIN PORT  bind such a channel of a domain
 *   WORD grant DOMAIN      let the domain map a page of ours
 *   WORD map DOMAIN REF    map a page that the domain granted
 *
 * Answers "share WORD ok NUMBER" (a port, a reference, what the page holds) or "share WORD failed REASON".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The kernel's headers expect these of Xen's own. */
typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

static const long HELD = 4711; /* what a granted page holds */

static long channel(unsigned int domain)
{
    struct ioctl_evtchn_bind_unbound_port asked = {.remote_domain = domain};
    return ioctl(open("/dev/xen/evtchn", O_RDWR), IOCTL_EVTCHN_BIND_UNBOUND_PORT, &asked);
}

static long bind_to(unsigned int domain, unsigned int port)
{
    struct ioctl_evtchn_bind_interdomain asked = {.remote_domain = domain, .remote_port = port};
    return ioctl(open("/dev/xen/evtchn", O_RDWR), IOCTL_EVTCHN_BIND_INTERDOMAIN, &asked);
}

static long grant(unsigned int domain)
{
    struct ioctl_gntalloc_alloc_gref asked = {.domid = (uint16_t)domain, .count = 1};
    int device = open("/dev/xen/gntalloc", O_RDWR);
    if (ioctl(device, IOCTL_GNTALLOC_ALLOC_GREF, &asked))
        return -1;
    long *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)asked.index);
    if (page == MAP_FAILED)
        return -1;
    *page = HELD;
    return asked.gref_ids[0];
}

static long map(unsigned int domain, unsigned int reference)
{
    struct ioctl_gntdev_map_grant_ref asked = {.count = 1, .refs = {{.domid = domain, .ref = reference}}};
    int device = open("/dev/xen/gntdev", O_RDWR);
    if (ioctl(device, IOCTL_GNTDEV_MAP_GRANT_REF, &asked))
        return -1;
    const long *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, device, (off_t)asked.index);
    return page == MAP_FAILED ? -1 : *page;
}

int main(void)
{
    char line[200], word[64], what[16];
    puts("guest is up");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        unsigned int domain = 0, number = 0;
        if (sscanf(line, "%63s %15s %u %u", word, what, &domain, &number) < 3)
            continue;
        long got = -1;
        errno = EINVAL;
        if (!strcmp(what, "channel"))
            got = channel(domain);
        else if (!strcmp(what, "bind"))
            got = bind_to(domain, number);
        else if (!strcmp(what, "grant"))
            got = grant(domain);
        else if (!strcmp(what, "map"))
            got = map(domain, number);
        if (got < 0)
            printf("share %s failed %s\n", word, strerror(errno));
        else
            printf("share %s ok %ld\n", word, got);
        fflush(stdout);
    }
    for (;;)
        pause();
}
