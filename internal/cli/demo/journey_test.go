package demo

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"

	"cloudpay/internal/cli/paint"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/store"
	"cloudpay/internal/store/sqlite"
	"cloudpay/pkg/paygate"
)

// TestMain links SQLite, as the command does, and removes the functions that the tests have built.
func TestMain(m *testing.M) {
	store.LinkSQLite(sqlite.Driver{})
	code := m.Run()
	if binDir != "" {
		_ = os.RemoveAll(binDir) // a leftover in the temporary folder does no harm
	}
	os.Exit(code)
}

// repository is the folder of cloudbaserc.json.
const repository = "../../.."

// binDir is where built has built the functions; empty before.
var binDir string

// built builds the functions once for all tests.
var built = sync.OnceValues(func() (binaries map[string]string, err error) {
	if binDir, err = os.MkdirTemp("", "cloudpay-demo-test-"); err != nil {
		return nil, err
	}
	if err := desk.Build(context.Background(), binDir, desk.Functions(), "sqlite"); err != nil {
		return nil, err
	}
	return desk.Find(binDir, platform.Go1)
})

// demonstration is one before its Run or Journey, with the description of this repository.
func demonstration(t *testing.T, l *render.Language, out io.Writer) *Demo {
	t.Helper()
	binaries, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return &Demo{Language: l, Out: out, Logs: io.Discard, Dir: t.TempDir(), Binaries: binaries, Described: repository}
}

// The journey fits on three small screens, in either language: 60 lines of 80 columns in all, with
// each of the stories below 24 lines, which is what a terminal has at least. But for times, its
// text is that of a file.
func TestJourneyFitsOnScreens(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]*render.Language{"en": {}, "zh": {Chinese: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := demonstration(t, l, &out).Journey(t.Context()); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			checkScreens(t, out.String())
			if han := strings.ContainsFunc(out.String(), func(r rune) bool { return unicode.Is(unicode.Han, r) }); han != l.Chinese {
				t.Errorf("Chinese: got %t in\n%s", han, out.String())
			}
			want, err := os.ReadFile(filepath.Join("testdata", "journey."+name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), changing.ReplaceAllStringFunc(out.String(), zeros)); diff != "" {
				t.Errorf("the stories (-want +got):\n%s", diff)
			}
		})
	}
}

// changing is what differs from run to run: times of day, and how often a timer fired, since the
// clock also runs by itself.
var changing = regexp.MustCompile(`\d\d:\d\d:\d\d|fired 3\d times|触发 3\d 次`)

// zeros is a changing text with noughts for digits.
func zeros(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return '0'
		}
		return r
	}, text)
}

// checkScreens holds what was printed to its bounds.
func checkScreens(t *testing.T, text string) {
	t.Helper()
	const lines, columns, screen = 60, 80, 24
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(all) > lines {
		t.Errorf("got %d lines, want at most %d:\n%s", len(all), lines, text)
	}
	for _, line := range all {
		if width := uniseg.StringWidth(line); width > columns {
			t.Errorf("got %d columns, want at most %d: %s", width, columns, line)
		}
	}
	stories := strings.Split(text, "\n\n")
	if strings.Count(text, "✓ ") < 3 || strings.Contains(text, "✗") || strings.Contains(text, "\x1b") {
		t.Errorf("got\n%s", text)
	}
	for _, story := range stories {
		if got := strings.Count(story, "\n") + 1; got > screen {
			t.Errorf("got a screen of %d lines, want at most %d:\n%s", got, screen, story)
		}
	}
}

// What the stories say has happened: each order was placed over the wire by the shop, timers fired
// by the clock close what is due, and WeChat Pay notified the shop of the one payment.
func TestJourneyHappens(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	j := &journey{Demo: demonstration(t, &render.Language{}, &out), Brush: paint.Always()}
	t.Cleanup(j.end)
	if err := j.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.tell(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for number, want := range map[string]struct {
		state    paygate.TradeState
		requests []string
		via      string
	}{
		"TEA-001": {paygate.StateClosed, []string{"place 200", "query 200", "close 204", "query 200"}, "timer"},
		"TEA-002": {paygate.StateClosed, []string{"place 200", "close 0", "query 200"}, "http-api"},
		"TEA-003": {paygate.StateSuccess, []string{"place 200", "query 200", "close 400", "query 200"}, "timer"},
	} {
		j.wantPlaced(t, number, want.state)
		j.wantRequests(t, number, want.requests, want.via)
	}
	j.wantTimer(t)
	notifications := j.desk.Gateway.Notifications()
	if len(notifications) != 1 || notifications[0].OutTradeNo != "TEA-003" || notifications[0].State != "acknowledged" {
		t.Errorf("notifications: got %+v, want one of TEA-003, acknowledged", notifications)
	}
	if ahead := j.desk.Gateway.Ahead().Round(time.Minute); ahead != 2*toPay {
		t.Errorf("the clock is ahead by %s, want two advances of half an hour", ahead)
	}
	for _, sequence := range []string{"\x1b[1;36m━━━ 1", "\x1b[2m    ⇄", "\x1b[32m✓\x1b[0m ", "\x1b[32msignature ✓\x1b[0m"} {
		if !strings.Contains(out.String(), sequence) {
			t.Errorf("no %q in\n%s", sequence, out.String())
		}
	}
}

// wantPlaced wants an order that the shop placed by APIv3, in a state.
func (j *journey) wantPlaced(t *testing.T, number string, state paygate.TradeState) {
	t.Helper()
	kept, err := j.desk.Gateway.Order(number, j.owner())
	if err != nil {
		t.Error(err)
		return
	}
	if kept.PrepayID == "" || kept.API != "v3" || kept.TradeType != "JSAPI" || kept.NotifyURL != j.shop.notifyURL || kept.OpenID != openID {
		t.Errorf("%s: got %+v, want an order placed over the wire", number, kept)
	}
	if kept.State != state {
		t.Errorf("%s: got %s, want %s", number, kept.State, state)
	}
}

// wantRequests wants the requests about an order: the placing from outside the cloud, and the
// others by one call of it.
func (j *journey) wantRequests(t *testing.T, number string, want []string, via string) {
	t.Helper()
	calls, err := j.calls(t.Context(), number)
	if err != nil {
		t.Error(err)
		return
	}
	causes := map[string]string{"": "outside"}
	for _, c := range calls {
		causes[c.RequestID] = c.Via
	}
	var got, vias []string
	for _, r := range j.desk.Gateway.Requests() {
		if r.OutTradeNo == number {
			got, vias = append(got, r.Op+" "+strconv.Itoa(r.HTTPStatus)), append(vias, causes[r.Call])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: requests (-want +got):\n%s", number, diff)
	}
	if len(vias) != len(want) || vias[0] != "outside" || slices.ContainsFunc(vias[1:], func(v string) bool { return v != via }) {
		t.Errorf("%s: requests by %v, want the placing from outside and the others by %s", number, vias, via)
	}
}

// wantTimer wants closeorder's timer in the cloud's record, with the schedule of cloudbaserc.json,
// fired by the clock for each minute of both advances.
func (j *journey) wantTimer(t *testing.T) {
	t.Helper()
	var record struct {
		Timers []struct {
			Function, Name, Expression string
			Fired                      int
		}
	}
	if err := j.read(t.Context(), j.cloud.CloudURL+"/v1/timers", &record); err != nil {
		t.Fatal(err)
	}
	for _, timer := range record.Timers {
		if timer.Function != "closeorder" {
			continue
		}
		if timer.Name != "closeorder_timer" || timer.Expression != describedTimer(t) || timer.Fired < 60 {
			t.Errorf("got %+v, want closeorder_timer with %q, fired 60 times at least", timer, describedTimer(t))
		}
		return
	}
	t.Errorf("got %+v, want a timer of closeorder", record)
}

// describedTimer is the schedule of closeorder_timer in cloudbaserc.json.
func describedTimer(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "cloudbaserc.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Functions []struct {
			Triggers []struct{ Name, Config string }
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, f := range file.Functions {
		for _, trigger := range f.Triggers {
			if trigger.Name == "closeorder_timer" {
				return trigger.Config
			}
		}
	}
	t.Fatal("cloudbaserc.json has no closeorder_timer")
	return ""
}

// A description without timers leaves the order open, and the journey says so.
func TestJourneyWithoutTimers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := []byte(`{"functions":[{"name":"closeorder","runtime":"Go1"},{"name":"queryorder","runtime":"Go1"}]}`)
	if err := os.WriteFile(filepath.Join(dir, "cloudbaserc.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	d := demonstration(t, &render.Language{}, &out)
	d.Described = dir
	j := &journey{Demo: d}
	t.Cleanup(j.end)
	if err := j.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.forgotten(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := j.ending()
	for _, want := range []string{
		"TEA-001: no timer fired by the clock for it", "should have got one event, closed", "a payment is answered 200 and should be refused",
		`trade_state is "SUCCESS" and should be "CLOSED"`, `register is "" and should be "closed"`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if !strings.Contains(out.String(), "✗ not all was as it should be") {
		t.Errorf("got\n%s", out.String())
	}
}

// A close that was carried out after the payment, and one that never came, are wrong.
func TestNothingClosed(t *testing.T) {
	t.Parallel()
	d, _, _ := stage(t)
	j := &journey{Demo: d}
	j.nothingClosed("DEMO-v3-unpaid")
	if len(j.wrong) != 1 || !strings.Contains(j.wrong[0].Error(), "no close arrived after the payment") {
		t.Errorf("got %v", j.wrong)
	}
}
