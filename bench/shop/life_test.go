// Package shop_test plays the whole life of the orders of examples/shop, as `make shop` does, and
// looks afterwards at what WeChat Pay, the register and the shop's journal have kept.
package shop_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	// A change of the product is to be a change of this test: go test does not see what the
	// binaries are built from.
	_ "cloudpay/internal/app"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/nodetest"
	"cloudpay/internal/order"
	"cloudpay/internal/store"
	"cloudpay/internal/store/sqlite"
)

// Folders, from this one.
const (
	repository = "../.."
	shop       = repository + "/examples/shop"
)

// bin is where the command and the functions are, until the tests end.
var bin string

func TestMain(m *testing.M) {
	store.LinkSQLite(sqlite.Driver{})
	var err error
	if bin, err = os.MkdirTemp("", "cloudpay-shop-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer func() { _ = os.RemoveAll(bin) }() // a leftover in the temporary folder does no harm
	m.Run()
}

// prepared builds what make shop builds, and installs the packages of the shop's function.
var prepared = sync.OnceValue(func() error {
	build := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc,sqlite", "-o", bin+"/",
		"./functions/closeorder", "./functions/queryorder", "./functions/web", "./cmd/cloudpay")
	build.Dir, build.Env = repository, append(os.Environ(), "CGO_ENABLED=0")
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = filepath.Join(shop, "cloudfunctions", "order")
	for _, cmd := range []*exec.Cmd{build, install} {
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, output)
		}
	}
	return nil
})

// The whole life of four orders is as the documents show it, in either language, and WeChat Pay, the
// register and the shop's journal agree on how each has ended.
func TestLife(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := prepared(); err != nil {
		t.Fatal(err)
	}
	for locale, command := range map[string]string{"C.UTF-8": "make shop", "zh_CN.UTF-8": "make shop LC_ALL=zh_CN.UTF-8"} {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "world")
			cmd := exec.CommandContext(t.Context(), "node", shop+"/life/main.mjs", "--bin", bin, "--dir", dir)
			cmd.Env = append(os.Environ(), "LC_ALL="+locale, "NODE_OPTIONS=")
			var faults bytes.Buffer
			cmd.Stderr = &faults
			printed, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s%s", err, printed, faults.String())
			}
			for _, document := range []string{"README.md", "README.zh.md"} {
				if diff := cmp.Diff(shown(t, document, command), string(printed)); diff != "" {
					t.Errorf("%s (-shown +printed):\n%s", document, diff)
				}
			}
			wantKept(t, dir)
		})
	}
}

// shown is what a document shows of a command, without the lines of the build.
func shown(t *testing.T, document, command string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shop, document))
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "```console\n$ "+command+"\n…\n")
	block, _, ended := strings.Cut(block, "```")
	if !found || !ended {
		t.Fatalf("%s shows no output of %s", document, command)
	}
	return block
}

// life is how an order has ended, for all who keep it.
type life struct{ State, Final, Event, Stock string }

// wantKept compares what was kept in the folder with how the four customers' orders have to end.
func wantKept(t *testing.T, dir string) {
	t.Helper()
	d, err := desk.Start(t.Context(), dir, desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	register, err := store.Open("sqlite:" + filepath.Join(dir, "orders.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = register.Close() }() // it was only read
	handled := journal(t, filepath.Join(dir, "shop.jsonl"))
	got := map[string]life{}
	for _, o := range d.Gateway.Orders() {
		ref := order.Ref{Region: order.Mainland, MchID: o.MchID, OutTradeNo: o.OutTradeNo}
		record, err := register.Show(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		const most = 10
		events, err := register.History(t.Context(), ref, most)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, e := range events {
			kinds = append(kinds, string(e.Kind))
		}
		got[o.OpenID] = life{string(o.State), string(record.FinalState), strings.Join(kinds, " "), strings.Join(handled[o.OutTradeNo], " ")}
	}
	want := map[string]life{
		"oLi":   {"SUCCESS", "paid", "paid", "reserved ship"},
		"oWang": {"CLOSED", "closed", "closed", "reserved return"},
		"oSun":  {"CLOSED", "closed", "closed", "reserved return"},
		"oZhou": {"SUCCESS", "paid", "paid", "reserved ship"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the orders (-want +got):\n%s", diff)
	}
}

// journal is what the shop has done for each order, in turn.
func journal(t *testing.T, path string) map[string][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	done := map[string][]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var fact struct{ Fact, Number, What string }
		if err := json.Unmarshal(lines.Bytes(), &fact); err != nil {
			t.Fatal(err)
		}
		what := fact.What
		if what == "" {
			what = fact.Fact
		}
		done[fact.Number] = append(done[fact.Number], what)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return done
}

// Whatever fails while an order is placed, a customer who taps again has that order, and not two.
func TestPlacing(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := prepared(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "placing.mjs", bin, t.TempDir())
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "NODE_OPTIONS=")
	output, err := cmd.CombinedOutput()
	const troubles = 15
	if got := strings.Count(string(output), "one order\n"); err != nil || got != troubles {
		t.Errorf("got %d troubles, want %d: %v\n%s", got, troubles, err, output)
	}
}

// With --stay the world serves the page in WeChat's developer tools until it is interrupted, and
// then leaves nothing running.
func TestStay(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := prepared(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "world")
	cmd := exec.CommandContext(t.Context(), "node", shop+"/life/main.mjs", "--bin", bin, "--dir", dir, "--stay")
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "NODE_OPTIONS=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		printed.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "the shop's server") {
			break
		}
	}
	described, err := desk.Read(dir)
	if err != nil || !strings.Contains(printed.String(), fmt.Sprintf("url: '%s', admin: '%s'", described.CloudURL, described.AdminURL)) {
		t.Errorf("%v: it printed\n%s", err, printed.String())
	}
	if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := desk.Read(dir); err == nil {
		t.Error("the emulator still serves")
	}
}
