package world_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/cli/world"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

// wantError checks that an error says something, in both languages.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("got no error, want %q", want)
		return
	}
	text := bilingual.Wording(err)
	if !strings.Contains(text.EN, want) || text.EN == text.ZH {
		t.Errorf("got %+v, want %q and a Chinese wording", text, want)
	}
}

// write puts files into a folder, by name.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// absent stands for a file that is not there.
const absent = "(absent)"

// want checks what a folder's files hold.
func want(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if text == absent && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || string(got) != text {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, text)
		}
	}
}

// All settings that are wrong are told together.
func TestCheck(t *testing.T) {
	t.Parallel()
	w := world.World{PortBase: 65531, At: world.Addresses{Admin: "0.0.0.0:1", Events: "nonsense"}, NotifyURL: "notify"}
	err := w.Check()
	for _, want := range []string{"--dir: ", "--port-base: must be 0 or a port up to 65530", "--admin-addr: ", "--events-addr: ", "--notify-url: must be an address"} {
		wantError(t, err, want)
	}
	for _, base := range []int{0, 1, 65530} {
		w := world.World{Language: &render.Language{}}
		w.Register(pflag.NewFlagSet("", pflag.ContinueOnError)) // which sets what is given when a flag is left out
		w.PortBase = base
		if err := w.Check(); err != nil {
			t.Errorf("%d: %v", base, err)
		}
	}
	for _, base := range []int{-1, 65536} {
		w := world.World{Dir: "x", PortBase: base}
		wantError(t, w.Check(), "--port-base")
	}
}

// A port that is taken ends a run before anything is made in the folder but its lock.
func TestTakenPort(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", desk.AnyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	dir := t.TempDir()
	w := world.World{
		Language: &render.Language{}, Dir: dir, Runtime: platform.Go1, At: world.Addresses{Cloud: l.Addr().String()}, Log: os.Stderr,
	}
	err = w.Run(t.Context(), func(desk.Description) { t.Error("it serves") })
	wantError(t, err, "the address of the cloud, "+l.Addr().String()+", is taken by ")
	wantError(t, err, "--port-base 0 takes any that are free")
	want(t, dir, map[string]string{"secrets.json": absent, "orders.db": absent, "lock": ""})
}

// A state goes to another folder, as it was, without keys.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	from, to, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "start.zip")
	wantError(t, world.Export(from, file), "there is nothing to export in "+from)
	state := map[string]string{"orders.db": "orders", "orders.db-wal": "wal"}
	write(t, from, state)
	write(t, from, map[string]string{"clock": "30m0s\n", "emulator.json": "{}"})
	inGateway(t, from, func(g *paygate.Gateway) {
		if err := g.AddOrder(paygate.Order{OutTradeNo: "A1", Total: 100}); err != nil {
			t.Fatal(err)
		}
	})
	if err := world.Export(from, file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v: it is for its owner alone", info, err)
	}
	if err := world.Import(to, file, false); err != nil {
		t.Fatal(err)
	}
	state["resetting"], state["clock"] = absent, absent
	want(t, to, state)
	wantSame := func() {
		t.Helper()
		inGateway(t, to, func(g *paygate.Gateway) {
			if order, err := g.Order("A1"); err != nil || order.Total != 100 || g.Ahead().Round(time.Minute) != 30*time.Minute {
				t.Errorf("got %+v, %v, %v ahead", order, err, g.Ahead())
			}
		})
	}
	wantSame()
	keys, err := os.ReadFile(filepath.Join(to, "secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	if others, err := os.ReadFile(filepath.Join(from, "secrets.json")); err != nil || bytes.Equal(keys, others) {
		t.Errorf("the keys went along: %v", err)
	}
	write(t, to, map[string]string{"orders.db": "others", "orders.db-shm": "shm"})
	wantError(t, world.Import(to, file, false), to+" has a state already")
	want(t, to, map[string]string{"orders.db": "others"})
	if err := world.Import(to, file, true); err != nil {
		t.Fatal(err)
	}
	state["secrets.json"], state["orders.db-shm"] = string(keys), absent
	want(t, to, state)
	wantSame()
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v: want the export alone", entries, err)
	}
}

// inGateway opens the gateway of a folder.
func inGateway(t *testing.T, dir string, do func(*paygate.Gateway)) {
	t.Helper()
	g, err := desk.Addresses{}.OpenGateway(dir)
	if err != nil {
		t.Fatal(err)
	}
	do(g)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
}

// While an emulator uses a folder its state is neither exported nor replaced.
func TestFolderInUse(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "start.zip")
	write(t, dir, map[string]string{"orders.db": "orders"})
	if err := world.Export(dir, file); err != nil {
		t.Fatal(err)
	}
	_, release, err := desk.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	wantError(t, world.Export(dir, file), "another emulator uses "+dir)
	wantError(t, world.Import(dir, file, true), "another emulator uses "+dir)
}

// A reset or an import that was killed is a state of nothing, and not half of one.
func TestKilledReset(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "start.zip")
	write(t, dir, map[string]string{"gateway.db": "half", "resetting": "", "secrets.json": "kept"})
	wantError(t, world.Export(dir, file), "there is nothing to export")
	want(t, dir, map[string]string{"gateway.db": absent, "resetting": absent, "secrets.json": "kept"})
}

// A file that no export has written is refused, and changes nothing.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	const head = `{"format":1}`
	dir := t.TempDir()
	write(t, dir, map[string]string{"orders.db": "orders"})
	for name, test := range map[string]struct {
		files [][2]string
		want  string
	}{
		"no head":        {[][2]string{{"orders.db", "x"}}, "it has no snapshot.json"},
		"a torn head":    {[][2]string{{"snapshot.json", "{"}}, "snapshot.json: "},
		"a later format": {[][2]string{{"snapshot.json", `{"format":2}`}}, "its format is 2, and this program reads 1"},
		"a key":          {[][2]string{{"snapshot.json", head}, {"secrets.json", "x"}}, `it has "secrets.json"`},
		"a gateway":      {[][2]string{{"snapshot.json", head}, {"gateway.db", "x"}}, `it has "gateway.db"`},
		"a path":         {[][2]string{{"snapshot.json", head}, {"../orders.db", "x"}}, `it has "../orders.db"`},
		"a file twice":   {[][2]string{{"snapshot.json", head}, {"orders.db", "x"}, {"orders.db", "y"}}, "it has orders.db twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "start.zip")
			if err := os.WriteFile(file, zipped(t, test.files), 0o600); err != nil {
				t.Fatal(err)
			}
			err := world.Import(dir, file, true)
			wantError(t, err, file+" cannot be imported: ")
			wantError(t, err, test.want)
			want(t, dir, map[string]string{"orders.db": "orders"})
		})
	}
	wantError(t, world.Import(dir, filepath.Join(dir, "none"), true), "cannot be imported: ")
	wantError(t, world.Import(dir, filepath.Join(dir, "orders.db"), true), "cannot be imported: ")
}

func zipped(t testing.TB, files [][2]string) []byte {
	t.Helper()
	var text bytes.Buffer
	archive := zip.NewWriter(&text)
	for _, file := range files {
		w, err := archive.Create(file[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(file[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// Whatever a file holds, nothing but a state's files comes into the folder.
func FuzzImport(f *testing.F) {
	f.Add(zipped(f, [][2]string{{"snapshot.json", `{"format":1}`}, {"orders.db", "x"}}))
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir, file := t.TempDir(), filepath.Join(t.TempDir(), "start.zip")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_ = world.Import(dir, file, false) // an error for almost all
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !slices.Contains(strings.Fields("lock resetting gateway.db orders.db orders.db-wal orders.db-journal secrets.json "+
				"apiclient_key.pem pub_key.pem wechatpay_key.pem certificate_key.pem"), entry.Name()) {
				t.Errorf("got %s", entry.Name())
			}
		}
	})
}

// emulated plays an emulator's three interfaces, and notes what it is asked.
func emulated(t *testing.T) (d desk.Description, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		call := strings.TrimSpace(r.Method + " " + r.URL.String() + " " + string(body))
		*asked = append(*asked, call)
		answer, known := map[string]string{
			"GET /clock":                         `{"now":"2026-11-29T18:00:00+08:00"}`,
			`POST /clock {"advance":"30m0s"}`:    `{"now":"2026-11-29T18:30:00+08:00","wire":"2026-11-29T18:00:00+08:00"}`,
			"GET /v1/timers":                     `{"timers":[{"function":"closeorder","name":"a","fired":3},{"function":"queryorder","name":"a","fired":1}]}`,
			"GET /v1/timers?wait=5m":             `{"timers":[{"function":"closeorder","name":"a","fired":33,"last":{"status":200}},{"function":"queryorder","name":"a","fired":1}]}`,
			"GET /events?after=0":                `[{"id":6},{"id":7,"event":{}}]`,
			"GET /events?after=7":                `[{"id":8,"verdict":"ok","event":{"kind":"closed","outTradeNo":"A1"}}]`,
			`POST /clock {"advance":"1h0m0s"}`:   "",
			`POST /clock {"advance":"292h0m0s"}`: "x",
		}[call]
		switch {
		case !known:
			t.Errorf("it was asked %s", call)
		case answer == "":
			w.WriteHeader(http.StatusBadRequest)
			answer = `{"error":"it cannot"}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	return desk.Description{AdminURL: server.URL, CloudURL: server.URL, EventsURL: server.URL}, asked
}

// The clock is moved by the management API; then the timers are waited for, and what happened is
// told: how often each fired, and which events came.
func TestAdvance(t *testing.T) {
	t.Parallel()
	d, asked := emulated(t)
	moved, err := world.Advance(t.Context(), d, 30*time.Minute)
	if at := time.Date(2026, 11, 29, 10, 30, 0, 0, time.UTC); err != nil || !moved.Now.Equal(at) {
		t.Errorf("got %v, %v", moved, err)
	}
	if len(moved.Timers) != 1 || moved.Timers[0].Fired != 30 || moved.Timers[0].Function != "closeorder" || moved.Timers[0].Last.Status != http.StatusOK {
		t.Errorf("got %+v", moved.Timers)
	}
	if len(moved.Events) != 1 || moved.Events[0].Event.Order != "A1" || moved.Events[0].Verdict != "ok" {
		t.Errorf("got %+v", moved.Events)
	}
	if got := strings.Join(*asked, "\n"); strings.Index(got, "wait=5m") < strings.Index(got, "POST /clock") ||
		strings.Index(got, "after=7") < strings.Index(got, "wait=5m") {
		t.Errorf("asked in another order:\n%s", got)
	}
	// WeChat Pay alone has neither timers nor a sink.
	if moved, err := world.Advance(t.Context(), desk.Description{AdminURL: d.AdminURL}, 30*time.Minute); err != nil || moved.Timers != nil || moved.Events != nil {
		t.Errorf("got %+v, %v", moved, err)
	}
}

// What the emulator refuses, or answers that is none, is told in its words.
func TestAdvanceFails(t *testing.T) {
	t.Parallel()
	d, _ := emulated(t)
	_, err := world.Advance(t.Context(), d, time.Hour)
	wantError(t, err, "it answers 400: it cannot")
	_, err = world.Advance(t.Context(), d, 292*time.Hour)
	wantError(t, err, "its answer cannot be read")
	if now, err := world.Time(t.Context(), d); err != nil || now.Hour() != 18 {
		t.Errorf("got %v, %v", now, err)
	}
	_, err = world.Time(t.Context(), desk.Description{AdminURL: "http://127.0.0.1:1"})
	wantError(t, err, "is the emulator still running?")
}
