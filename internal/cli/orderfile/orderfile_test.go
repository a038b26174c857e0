package orderfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/registering"
)

// shop registers orders in memory, as a store does. Those in withdrawn were withdrawn.
type shop struct {
	orders    map[order.Ref]schedule.Entry
	withdrawn map[string]bool
	batches   []int
	broken    error
}

func (s *shop) register(ctx context.Context, requests []registering.Request) ([]schedule.Registration, error) {
	s.batches = append(s.batches, len(requests))
	return registering.All(ctx, s, requests)
}

func (s *shop) RegisterAll(_ context.Context, entries []schedule.Entry) ([]schedule.Registration, error) {
	all := make([]schedule.Registration, len(entries))
	for i, e := range entries {
		if before, there := s.orders[e.Ref]; there {
			all[i].Err = s.refusal(before, e)
		} else {
			s.orders[e.Ref], all[i].Added = e, true
		}
	}
	return all, s.broken
}

func (s *shop) refusal(before, e schedule.Entry) error {
	r := schedule.Record{Entry: before, Progress: schedule.Waiting}
	if s.withdrawn[e.OutTradeNo] {
		r.Progress = schedule.Withdrawn
	}
	return r.Refusal(e)
}

func (s *shop) Known(_ context.Context, entries []schedule.Entry) ([]schedule.Registration, error) {
	all := make([]schedule.Registration, len(entries))
	for i, e := range entries {
		all[i].Err = &schedule.NotRegisteredError{Ref: e.Ref}
		if before, there := s.orders[e.Ref]; there {
			all[i].Err = s.refusal(before, e)
		}
	}
	return all, s.broken
}

func (s *shop) RegisterAgain(_ context.Context, e schedule.Entry, _ string) (bool, error) {
	s.orders[e.Ref] = e
	delete(s.withdrawn, e.OutTradeNo)
	return true, nil
}

func (s *shop) importer(format Format) (*Importer, *bytes.Buffer) {
	if s.orders == nil {
		s.orders = map[order.Ref]schedule.Entry{}
	}
	var shown bytes.Buffer
	return &Importer{
		Register: s.register, Format: format, Rejects: &Rejects{language: &render.Language{}},
		Merchant: order.Merchant{MchID: "1900000001", AppID: "wx0", API: order.V3, APIs: []order.API{order.V3}},
		Progress: render.NewProgress(&shown, -1, &render.Language{}),
	}, &shown
}

// Each line of a file is registered, or rejected with its number, the field and the rule.
func TestImporter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                string
		format              Format
		text                string
		lines, added, known int
		rejected            []string // line field: the beginning of the rule
	}{
		{
			name: "csv", format: CSV, lines: 3, added: 2, known: 1,
			text: "\ufeffout_trade_no,closeAt,OpenID,total\r\nA1,1800,oX,100\r\n\r\nA2,1800,,\r\nA1,1800,oX,100\r\n",
		},
		{
			name: "csv without a last line feed", format: CSV, lines: 1, added: 1,
			text: "out_trade_no,close_at\nA1, 1800 ",
		},
		{
			name: "csv with slips", format: CSV, lines: 7, added: 1,
			text: "out_trade_no,close_at,total,created_at\nA1,1800,1.5,\n\"A2,1800,1,\nA3,,1,\nA4,1800,1\nA5,1800,1,yesterday\nA 6,1800,1,\nA7,1800,1,2026-11-22T18:30:00+08:00\n",
			rejected: []string{
				"2 A1 total must be a whole number", "3  line is not CSV", "4 A3 close_at must be given", "5  line must have 4 columns",
				"6 A5 created_at must be a time", "7 A 6 out_trade_no must be",
			},
		},
		{
			name: "a conflict within a file", format: CSV, lines: 2, added: 1,
			text:     "out_trade_no,close_at\nA1,1800\nA1,60\n",
			rejected: []string{"3 A1 close_at order cn/1900000001/A1 is registered already"},
		},
		{
			name: "csv of owners", format: CSV, lines: 6, added: 1,
			text: "out_trade_no,close_at,owner,openid\nA1,60,\"wx:wx2421b1c4370ec43b:o,A/B\",\nA2,60,tcb:u1,\nA2,60,tcb:u2,\nA2,60,,oX\n" +
				"A3,60,,\"o,A/B\"\nA4,60,me,\n",
			rejected: []string{
				"2 A1 owner must be", "6 A3 openid must be 1 to 128", "7 A4 owner must be",
				"4 A2 owner order cn/1900000001/A2 is registered already, with another owner",
				"5 A2 openid order cn/1900000001/A2 is registered already, with another openid",
			},
		},
		{
			name: "json of owners", format: JSONLines, lines: 2,
			text:     `{"out_trade_no":"A1","close_at":1,"owner":"wx:wx2421b1c4370ec43b:o,A/B"}` + "\n" + `{"out_trade_no":"A1","close_at":1,"openid":"o,A/B"}`,
			rejected: []string{"1 A1 owner must be", "2 A1 openid must be"},
		},
		{
			name: "a long line", format: CSV, lines: 2, added: 1,
			text:     "out_trade_no,close_at\n" + strings.Repeat("A", 2*maxLine) + ",1\nA1,1800\n",
			rejected: []string{"2  line is longer than 64 KiB"},
		},
		{
			name: "json", format: JSONLines, lines: 3, added: 3,
			text: `{"out_trade_no":"A1","close_at":1800,"total":100,"openid":null}` + "\n\n" +
				`{"outTradeNo":"A2","closeAt":"1800","owner":"tcb:u1","api":"v3"}` + "\n" +
				`{"outTradeNo":"A3","closeAt":"1800","owner":"wx:wx0:oX"}`,
		},
		{
			name: "json with slips", format: JSONLines, lines: 12,
			text: `[]` + "\n" + `{"out_trade_no":"A1","close_at":1800,"total":"1.5"}` + "\n" + `{"out_trade_no":1,"close_at":1}` + "\n" +
				`{"out_trade_no":"A1","close_at":1` + "\n" + `{"out_trade_no":"A1","outTradeNo":"A1"}` + "\n" + `{"amount":1}` + "\n" +
				`{"out_trade_no":"A1","close_at":1800} x` + "\n" + `{"out_trade_no":"A1","close_at":true}` + "\n" +
				`{"out_trade_no":"A1","close_at":{"a":1}}` + "\n" + `{"out_trade_no":"A1","close_at":1,"owner":"me"}` + "\n" + `{` + "\n" + `{"close_at":1}`,
			rejected: []string{
				"1  line must be a JSON object", "2 A1 total must be", "3  out_trade_no must be a string", "4 A1 line is not JSON",
				"5 A1 out_trade_no is given twice", "6  amount is nothing that", "7 A1 line is not JSON: something follows its end", "8 A1 close_at must be a string",
				"9 A1 close_at must be a string", "10 A1 owner must be", "11  line is not JSON", "12  out_trade_no must be given",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &shop{}
			in, _ := s.importer(c.format)
			if err := in.Run(t.Context(), iotest.OneByteReader(strings.NewReader(c.text))); err != nil {
				t.Fatal(err)
			}
			if in.Lines != c.lines || in.Added != c.added || in.Known != c.known || in.Rejects.Count != len(c.rejected) {
				t.Errorf("got %d orders, %d added, %d known, %d rejected; want %d, %d, %d, %d",
					in.Lines, in.Added, in.Known, in.Rejects.Count, c.lines, c.added, c.known, len(c.rejected))
			}
			for i, one := range in.Rejects.first {
				got := fmt.Sprintf("%d %s %s %s", one.line, one.number, one.field, one.rule)
				if i >= len(c.rejected) || !strings.HasPrefix(got, c.rejected[i]) {
					t.Errorf("rejected: got %q, want %q", got, slices.Concat(c.rejected, []string{"nothing more"})[min(i, len(c.rejected))])
				}
			}
		})
	}
}

// Every column may be spelt as the parameter is anywhere else.
func TestColumns(t *testing.T) {
	t.Parallel()
	s := &shop{}
	in, _ := s.importer(CSV)
	in.Overdue = true
	text := "Out Trade No,close-at,openid,total,createdAt,sub_mchid,sub_appid,API\n" +
		"A1,2026-11-22T18:30:00+08:00,oX,100,2026-11-22T18:00:00+08:00,1900000001,wx0,v3\n"
	if err := in.Run(t.Context(), strings.NewReader(text)); err != nil || in.Added != 1 {
		t.Fatalf("got %d added, %v, %v", in.Added, err, in.Rejects.first)
	}
	e := s.orders[order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}]
	if e.Owner != "wx:wx0:oX" || *e.Total != 100 || e.CreatedAt.Unix() != 1795341600 || e.CloseAt.Sub(e.CreatedAt).Minutes() != 30 || e.API != order.V3 {
		t.Errorf("got %+v", e)
	}
}

// A header with a slip in it, a broken file and a broken store end an import.
func TestImporterFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("out of reach")
	for name, c := range map[string]struct {
		source io.Reader
		store  error
		header bool
		want   string
	}{
		"unknown columns":      {strings.NewReader("out_trade_no,close_at,amount,price\n"), nil, true, `"amount" is nothing that an order is registered with`},
		"a column twice":       {strings.NewReader("out_trade_no,close_at,outTradeNo\n"), nil, true, "out_trade_no is there twice"},
		"no column close_at":   {strings.NewReader("out_trade_no\nA1\n"), nil, true, "column close_at is missing"},
		"no header":            {strings.NewReader("A1,1800\n"), nil, true, `"A1" is nothing that`},
		"a header of nonsense": {strings.NewReader("\"out\n"), nil, true, "the header: is not CSV"},
		"a broken file": {
			io.MultiReader(strings.NewReader("out_trade_no,close_at\nA1,1\n"), iotest.ErrReader(broken)), nil, false, "reading line 3: out of reach",
		},
		"a broken store": {strings.NewReader("out_trade_no,close_at\nA1,1\n"), broken, false, "out of reach"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, _ := (&shop{broken: c.store}).importer(CSV)
			err := in.Run(t.Context(), c.source)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if _, is := errors.AsType[*FileError](err); is != c.header {
				t.Errorf("got a FileError: %t, want %t", is, c.header)
			}
		})
	}
	in, _ := (&shop{}).importer(CSV)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if err := in.Run(ctx, strings.NewReader("out_trade_no,close_at\nA1,1\n")); !errors.Is(err, broken) {
		t.Errorf("interrupted: got %v, want %v", err, broken)
	}
}

// A long file is registered in batches, and the terminal sees it go on.
func TestImporterBatches(t *testing.T) {
	t.Parallel()
	const everySoMany = 100_000
	const orders = 2*everySoMany + inBatch/2
	var text strings.Builder
	text.WriteString("out_trade_no,close_at\n")
	for i := range orders {
		fmt.Fprintf(&text, "N%d,1800\n", i)
	}
	s := &shop{}
	in, shown := s.importer(CSV)
	if err := in.Run(t.Context(), strings.NewReader(text.String())); err != nil || in.Added != orders {
		t.Fatalf("got %d added, %v", in.Added, err)
	}
	if slices.Max(s.batches) != inBatch || len(s.batches) != orders/inBatch+1 {
		t.Errorf("got %d batches, the largest of %d", len(s.batches), slices.Max(s.batches))
	}
	if got, want := shown.String(), "100000 orders …\n200000 orders …\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A terminal is shown the first of the rejected lines, and nothing that would take over the
// terminal.
func TestRejectsShown(t *testing.T) {
	t.Parallel()
	r := &Rejects{language: &render.Language{}}
	for i := range mostRejects + 3 {
		if err := r.add(reject{i + 2, "A\x1b[2J", "total", bilingual.New("must be better", "须更好"), ""}); err != nil {
			t.Fatal(err)
		}
	}
	var shown strings.Builder
	if err := r.End(&shown); err != nil {
		t.Fatal(err)
	}
	text := shown.String()
	if !strings.HasPrefix(text, "line 2: A\\u001b[2J: total: must be better\n") || !strings.HasSuffix(text, "… and 3 more; --rejects FILE has them all\n") {
		t.Errorf("got %q", text)
	}
	if n := strings.Count(text, "\n"); n != mostRejects+1 {
		t.Errorf("got %d lines, want %d", n, mostRejects+1)
	}
}

// brokenFile takes nothing.
type brokenFile struct{}

func (brokenFile) Write([]byte) (int, error) { return 0, errors.New("disk full") }
func (brokenFile) Close() error              { return nil }

// smallDisk takes so many bytes.
type smallDisk struct {
	strings.Builder

	left int
}

func (d *smallDisk) Write(text []byte) (int, error) {
	n := min(d.left, len(text))
	d.left -= n
	d.Builder.Write(text[:n])
	if n < len(text) {
		return n, errors.New("disk full")
	}
	return n, nil
}

func (*smallDisk) Close() error { return nil }

// TestFullDisk: an import whose rejected lines cannot be written ends at a line before which each
// is registered or in the file, wherever the disk is full. Going on from there loses none.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for name, misread := range map[string]int{"found by the register": 0, "found when the line is read, too": 7} {
		for _, room := range []int{0, 50, 5_000, 9_000, 12_345} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, room), func(t *testing.T) {
				t.Parallel()
				fillDisk(t, misread, room)
			})
		}
	}
}

// fillDisk imports a file of which one line in fifty is long past, and one in so many is no order,
// until a disk is full.
func fillDisk(t *testing.T, misread, room int) {
	t.Helper()
	const orders = 3*inBatch + inBatch/2
	kind := func(i int) string {
		switch {
		case i%50 == 4:
			return "2026-01-01T10:00:00Z"
		case misread > 0 && i%misread == 3:
			return "soon"
		}
		return "1800"
	}
	var text strings.Builder
	text.WriteString("out_trade_no,close_at\n")
	for i := range orders {
		fmt.Fprintf(&text, "N%d,%s\n", i, kind(i))
	}
	s, disk := &shop{}, &smallDisk{left: room}
	registered := func(i int) bool {
		_, there := s.orders[order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: fmt.Sprintf("N%d", i)}]
		return there
	}
	in, _ := s.importer(CSV)
	in.Rejects = newRejects(disk, &render.Language{})
	err := in.Run(t.Context(), strings.NewReader(text.String()))
	if err == nil || !strings.Contains(err.Error(), "disk full") || in.NextLine < 2 {
		t.Fatalf("got %v at line %d, want a full disk", err, in.NextLine)
	}
	for i := range in.NextLine - 2 { // the header is line 1
		good, reported := kind(i) == "1800", strings.Contains(disk.String(), fmt.Sprintf("N%d,%s\n", i, kind(i)))
		if registered(i) != good || reported == good {
			t.Errorf("before line %d: order N%d is registered: %v, reported: %v", in.NextLine, i, registered(i), reported)
		}
	}
	goesOn, _ := s.importer(CSV)
	goesOn.FromLine = in.NextLine
	if err := goesOn.Run(t.Context(), strings.NewReader(text.String())); err != nil {
		t.Fatal(err)
	}
	for i := range orders {
		if registered(i) != (kind(i) == "1800") {
			t.Errorf("at the end: order N%d is registered: %v", i, registered(i))
		}
	}
}

// That the report of rejected lines could not be written is not passed over.
func TestRejectsFile(t *testing.T) {
	t.Parallel()
	r := newRejects(brokenFile{}, &render.Language{})
	if err := r.begin(&decoded{}, JSONLines); err != nil {
		t.Fatal(err)
	}
	err := r.add(reject{2, "A1", "total", bilingual.New("wrong", "有误"), "{}"})
	if err = errors.Join(err, r.End(io.Discard)); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
}

// A rejected line is reported in the language; the names of fields are the same in both.
func TestRejectsInBothLanguages(t *testing.T) {
	t.Parallel()
	for format, lines := range map[Format][]string{
		CSV: {
			"out_trade_no,close_at,total", "A1,1800", "A1,,1", "A1,1,x", `A1,"1,2`, "A 1,1,1", "A1,-1,1", strings.Repeat("x", maxLine+1),
		},
		JSONLines: {
			"[]", "{", `{"out_trade_no":1}`, `{"out_trade_no":[]}`, `{"nosuch":"1"}`, `{"total":1,"total":1}`, `{} {}`, `{"out_trade_no":"A1","close_at":"x"}`,
		},
	} {
		for _, l := range []*render.Language{{}, {Chinese: true}} {
			s := &shop{}
			in, _ := s.importer(format)
			in.Rejects = &Rejects{language: l}
			if err := in.Run(t.Context(), strings.NewReader(strings.Join(lines, "\n"))); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := in.Rejects.End(&out); err != nil {
				t.Fatal(err)
			}
			said := strings.Split(strings.TrimSpace(out.String()), "\n")
			if want := len(lines) - strings.Count(string(format), "csv"); len(said) != want {
				t.Errorf("%s: %d lines were rejected, want %d:\n%s", format, len(said), want, out.String())
			}
			for _, line := range said {
				rule := strings.TrimPrefix(line, "第 ")
				if l.Chinese && len(rule) == len(line) || strings.ContainsFunc(rule, isHan) != l.Chinese {
					t.Errorf("%s: chinese %t: got %s", format, l.Chinese, line)
				}
			}
		}
	}
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// The reason for which a line was rejected is printed without obeying what is in it. The line
// itself stays as it was: it is to be imported again.
func TestReasonsAreEscaped(t *testing.T) {
	t.Parallel()
	const hostile = "A\x1b[2J\u009b1m\u202e\u2066\u200b\ufeff\u00ad\u2028\x7f\U000e0041B"
	for _, format := range []Format{CSV, JSONLines} {
		var out strings.Builder
		r := newRejects(&fileInMemory{&out}, &render.Language{})
		if err := r.begin(&decoded{}, format); err != nil {
			t.Fatal(err)
		}
		if err := r.add(reject{1, hostile, hostile, bilingual.Same(hostile), `{"a":1}`}); err != nil {
			t.Fatal(err)
		}
		if err := r.End(&out); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); text == "" || text != printable.Lines(text) || strings.Contains(text, "\t") {
			t.Errorf("%s: passed raw: %q", format, text)
		}
	}
}

// fileInMemory is a file in memory.
type fileInMemory struct{ *strings.Builder }

func (*fileInMemory) Close() error { return nil }

// The report of rejected lines has order numbers in it: only its owner may read it, and it is not
// written over the file that is read.
func TestOpenRejects(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rejects.csv")
	r, err := OpenRejects(path, strings.NewReader(""), false, &render.Language{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.End(io.Discard); err != nil {
		t.Fatal(err)
	}
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if file.Mode().Perm() != 0o600 {
		t.Errorf("got %v, want it for its owner alone", file.Mode())
	}
	source, size, err := Open(path, nil)
	if err != nil || size != file.Size() {
		t.Fatalf("got %d bytes, %v; want %d", size, err, file.Size())
	}
	defer func() { _ = source.Close() }()
	if _, err := OpenRejects(path, source, false, &render.Language{}); err == nil || !strings.Contains(err.Error(), "is the file that is imported") {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{filepath.Dir(path), path + ".none"} {
		if _, _, err := Open(name, nil); err == nil {
			t.Errorf("opened %s", name)
		}
	}
	if _, size, err := Open("-", strings.NewReader("")); size != -1 || err != nil {
		t.Errorf("standard input: got %d bytes, %v", size, err)
	}
}

// The format is what is given, or else what the name tells.
func TestFormatOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		given, name string
		want        Format // empty: an error
	}{
		{"", "a.csv", CSV}, {"", "A.JSON", JSONLines}, {"", "a.ndjson", JSONLines}, {"jsonl", "a.csv", JSONLines}, {"csv", "-", CSV},
		{"", "-", ""}, {"xml", "a.csv", ""}, {"ndjson", "a.csv", ""},
	} {
		if got, err := FormatOf(c.given, c.name); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: got %q, %v", c, got, err)
		}
	}
}

// Orders are named by arguments, and one a line on standard input, which has a limit.
func TestNamed(t *testing.T) {
	t.Parallel()
	const limit = 3 << 18
	number := func(text string) (string, error) {
		if text == "bad" {
			return "", errors.New("is bad")
		}
		return text, nil
	}
	got, err := Named([]string{"A0", "-"}, strings.NewReader("A1\r\n\n  A2  \nA3"), limit, number)
	if want := []string{"A0", "A1", "A2", "A3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q %v, want %q", got, err, want)
	}
	for name, c := range map[string]struct {
		args, text, want string
	}{
		"a long line":    {"-", strings.Repeat("A", 65<<10), "-: reading orders: "},
		"a long list":    {"-", strings.Repeat("A1\n", limit/3+1), "-: a list of orders may have"},
		"twice":          {"- -", "", "-: standard input can be read once"},
		"a bad line":     {"-", "A1\n\nbad\n", "-: line 3: is bad"},
		"a bad argument": {"bad", "", "is bad"},
	} {
		got, err := Named(strings.Fields(c.args), strings.NewReader(c.text), limit, number)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: took %d orders, %v; want %q", name, len(got), err, c.want)
		}
	}
	if got, err := Named([]string{"-"}, strings.NewReader(strings.Repeat("A1\n", limit/3)), limit, number); err != nil || len(got) != limit/3 {
		t.Errorf("a list of just that length: %d numbers, %v", len(got), err)
	}
}

// A record's JSON is read back as it was written, and leaves out what is not known.
func TestRecord(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 18, 30, 0, 0, time.FixedZone("", 8*60*60))
	text, err := json.Marshal(NewRecord(schedule.Record{
		Entry:    schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}, CloseIn: time.Minute},
		Progress: schedule.Waiting, RegisteredAt: at,
	}))
	want := `{"region":"cn","mchId":"1900000001","outTradeNo":"A1","closeIn":60,"registeredAt":"2026-11-22T10:30:00Z",` +
		`"progress":"waiting","authenticated":false,"attempts":0}`
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v\nwant %s", text, err, want)
	}
	var back Record
	if err := json.Unmarshal(text, &back); err != nil || back.OutTradeNo != "A1" || !back.RegisteredAt.Equal(at) {
		t.Errorf("got %+v, %v", back, err)
	}
}

// BenchmarkImporter reads and checks orders; registering them costs nothing here.
func BenchmarkImporter(b *testing.B) {
	const orders = 20_000
	for name, text := range map[string]string{
		"csv": "out_trade_no,close_at,openid,total\n" + repeated(orders, "N%09d,1800,oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,12345\n"),
		"quoted csv": "out_trade_no,close_at,openid,total\n" +
			repeated(orders, `"N%09d","2099-11-29T10:00:00+08:00","oUpF8uMuAJO_M2pxb1Q9zNjWeS6o","12345"`+"\n"),
		"jsonl": repeated(orders, `{"out_trade_no":"N%09d","close_at":1800,"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o","total":12345}`+"\n"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				in, _ := (&shop{}).importer(JSONLines)
				if strings.HasSuffix(name, "csv") {
					in.Format = CSV
				}
				in.Register = func(_ context.Context, requests []registering.Request) ([]schedule.Registration, error) {
					return make([]schedule.Registration, len(requests)), nil
				}
				if err := in.Run(b.Context(), strings.NewReader(text)); err != nil || in.Known != orders {
					b.Fatalf("got %d orders and %v", in.Known, err)
				}
			}
			b.ReportMetric(float64(orders*b.N)/b.Elapsed().Seconds(), "orders/s")
		})
	}
}

func repeated(n int, line string) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, line, i)
	}
	return text.String()
}
