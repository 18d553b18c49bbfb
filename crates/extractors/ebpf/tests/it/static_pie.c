// A program with one of Bitcoin Core's tracepoints, which it passes until it is ended: net:misbehaving_connection with the number of the first
// argument as the peer, and the second one as the reason.
#include <stdlib.h>
#include <unistd.h>

// Tracers that are attached.
unsigned short tracers __attribute__((section(".probes")));

static __attribute__((noinline)) void misbehaving(long peer, const char *reason)
{
	__asm__ __volatile__(
		"990: nop\n"
		".pushsection .note.stapsdt, \"?\", \"note\"\n"
		".balign 4\n"
		".4byte 992f - 991f, 994f - 993f, 3\n"
		"991: .asciz \"stapsdt\"\n"
		"992: .balign 4\n"
		"993: .8byte 990b\n"
		".8byte _.stapsdt.base\n"
		".8byte tracers\n"
		".asciz \"net\"\n"
		".asciz \"misbehaving_connection\"\n"
		".asciz \"-8@%[peer] 8@%[reason]\"\n"
		"994: .balign 4\n"
		".popsection\n"
		".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n"
		".weak _.stapsdt.base\n"
		".hidden _.stapsdt.base\n"
		"_.stapsdt.base: .space 1\n"
		".size _.stapsdt.base, 1\n"
		".popsection\n"
		:
		: [peer] "r"(peer), [reason] "r"(reason)
		: "memory");
}

int main(int count, char **arguments)
{
	if (count < 3)
		return 1;
	for (;;) {
		// Its text is in memory, where a tracer can read it.
		if (*(volatile unsigned short *)&tracers && *(volatile char *)arguments[2])
			misbehaving(atol(arguments[1]), arguments[2]);
		usleep(10000);
	}
}
