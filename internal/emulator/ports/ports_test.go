package ports_test

import (
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/ports"
)

// anywhere is a free port.
const anywhere = "127.0.0.1:0"

func TestNumbered(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"127.0.0.1:9803": ports.Numbered(9800, 3),
		anywhere:         ports.Numbered(0, 3),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// What is reserved is handed out once, under its name; another place is listened in when it is
// asked for.
func TestReserve(t *testing.T) {
	t.Parallel()
	r, err := ports.Reserve(t.Context(), ports.Place{Name: "a", Address: anywhere}, ports.Place{Name: "b", Address: anywhere})
	if err != nil {
		t.Fatal(err)
	}
	first, err := r.Listen(t.Context(), ports.Place{Name: "a", Address: "nonsense"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	second, err := r.Listen(t.Context(), ports.Place{Name: "a", Address: anywhere})
	if err != nil || second.Addr().String() == first.Addr().String() {
		t.Fatalf("got %v, %v", second, err)
	}
	defer func() { _ = second.Close() }()
	b, err := r.Listen(t.Context(), ports.Place{Name: "b"})
	if err != nil {
		t.Fatal(err)
	}
	_ = b.Close()
	r.Close()
	var none *ports.Reserved
	defer none.Close()
	l, err := none.Listen(t.Context(), ports.Place{Name: "a", Address: anywhere})
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

// Close gives the ports back that were not asked for.
func TestClose(t *testing.T) {
	t.Parallel()
	taken := listening(t)
	_ = taken.Close()
	address := taken.Addr().String()
	r, err := ports.Reserve(t.Context(), ports.Place{Name: "a", Address: address})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

func listening(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", anywhere)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// Every address that is taken is named with its holder, and nothing stays reserved.
func TestTaken(t *testing.T) {
	t.Parallel()
	one, two, free := listening(t), listening(t), listening(t)
	_ = free.Close()
	_, err := ports.Reserve(t.Context(),
		ports.Place{Name: "free", Address: free.Addr().String()},
		ports.Place{Name: "one", Address: one.Addr().String()},
		ports.Place{Name: "two", Address: two.Addr().String()},
		ports.Place{Name: "none", Address: "nonsense"})
	if err == nil {
		t.Fatal("addresses that are taken were reserved")
	}
	holder := "a process that this user cannot see"
	if runtime.GOOS == "linux" {
		holder = "process " + strconv.Itoa(os.Getpid()) + " (" // this one
	}
	text := bilingual.Wording(err)
	for _, want := range []string{
		"the address of the one, " + one.Addr().String() + ", is taken by " + holder,
		"the address of the two, " + two.Addr().String() + ", is taken by " + holder,
		"the address of the none: ",
	} {
		if !strings.Contains(text.EN, want) || !strings.Contains(text.ZH, "占用") {
			t.Errorf("got %+v, want %q", text, want)
		}
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", free.Addr().String())
	if err != nil {
		t.Fatalf("the free one is still taken: %v", err)
	}
	_ = l.Close()
}
