/* What libbpf's headers want of the system's file of this name; with it they need no other. */
#define ENOENT 2
#define ESRCH 3
#define EINVAL 22
