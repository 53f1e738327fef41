/* What holds a pod's namespaces open: it does nothing until it is told to end. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void end(int number) { (void)number; _exit(0); }

int main(void) {
    signal(SIGINT, end);
    signal(SIGTERM, end);
    signal(SIGCHLD, SIG_IGN); /* orphans of a shared process namespace are reaped by the kernel */
    for (;;) pause();
}
