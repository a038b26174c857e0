package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// shop registers orders in memory, as a store does.
type shop struct {
	orders  map[order.Ref]schedule.Entry
	batches []int
	broken  error
}

func (s *shop) register(_ context.Context, entries []schedule.Entry) ([]schedule.Registration, error) {
	if s.broken != nil {
		return nil, s.broken
	}
	s.batches = append(s.batches, len(entries))
	all := make([]schedule.Registration, len(entries))
	for i, e := range entries {
		before, there := s.orders[e.Ref]
		switch {
		case !there:
			s.orders[e.Ref], all[i].Added = e, true
		case before.Differs(e) != "":
			all[i].Err = &schedule.ConflictError{Ref: e.Ref, Field: before.Differs(e)}
		}
	}
	return all, nil
}

func (s *shop) intake(format string) (*intake, *bytes.Buffer) {
	if s.orders == nil {
		s.orders = map[order.Ref]schedule.Entry{}
	}
	var shown bytes.Buffer
	return &intake{
		register: s.register, parse: parserOf[format](), rejects: &rejects{language: &language{}},
		merchant: order.Merchant{MchID: "1900000001", AppID: "wx0", API: order.V3, APIs: []order.API{order.V3}},
		progress: newProgress(&shown, -1, false, &language{}),
	}, &shown
}

// Each line of a file is registered, or rejected with its number, the field and the rule.
func TestIntake(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, format, text  string
		lines, added, known int
		rejected            []string // line field: the beginning of the rule
	}{
		{
			name: "csv", format: "csv", lines: 3, added: 2, known: 1,
			text: "\ufeffout_trade_no,closeAt,OpenID,total\r\nA1,1800,oX,100\r\n\r\nA2,1800,,\r\nA1,1800,oX,100\r\n",
		},
		{
			name: "csv without a last line feed", format: "csv", lines: 1, added: 1,
			text: "out_trade_no,close_at\nA1, 1800 ",
		},
		{
			name: "csv with slips", format: "csv", lines: 7, added: 1,
			text: "out_trade_no,close_at,total,created_at\nA1,1800,1.5,\n\"A2,1800,1,\nA3,,1,\nA4,1800,1\nA5,1800,1,yesterday\nA 6,1800,1,\nA7,1800,1,2026-11-22T18:30:00+08:00\n",
			rejected: []string{
				"2 A1 total must be a whole number", "3  line is not CSV", "4 A3 close_at must be given", "5  line must have 4 columns",
				"6 A5 created_at must be a time", "7 A 6 out_trade_no must be",
			},
		},
		{
			name: "a conflict within a file", format: "csv", lines: 2, added: 1,
			text:     "out_trade_no,close_at\nA1,1800\nA1,60\n",
			rejected: []string{"3 A1 close_at order cn/1900000001/A1 is registered already"},
		},
		{
			name: "csv of owners", format: "csv", lines: 6, added: 1,
			text: "out_trade_no,close_at,owner,openid\nA1,60,\"wx:wx2421b1c4370ec43b:o,A/B\",\nA2,60,tcb:u1,\nA2,60,tcb:u2,\nA2,60,,oX\n" +
				"A3,60,,\"o,A/B\"\nA4,60,me,\n",
			rejected: []string{
				"2 A1 owner must be", "6 A3 openid must be 1 to 128", "7 A4 owner must be",
				"4 A2 owner order cn/1900000001/A2 is registered already, with another owner",
				"5 A2 openid order cn/1900000001/A2 is registered already, with another openid",
			},
		},
		{
			name: "json of owners", format: "jsonl", lines: 2,
			text:     `{"out_trade_no":"A1","close_at":1,"owner":"wx:wx2421b1c4370ec43b:o,A/B"}` + "\n" + `{"out_trade_no":"A1","close_at":1,"openid":"o,A/B"}`,
			rejected: []string{"1 A1 owner must be", "2 A1 openid must be"},
		},
		{
			name: "a long line", format: "csv", lines: 2, added: 1,
			text:     "out_trade_no,close_at\n" + strings.Repeat("A", 2*maxLine) + ",1\nA1,1800\n",
			rejected: []string{"2  line is longer than 64 KiB"},
		},
		{
			name: "json", format: "jsonl", lines: 3, added: 3,
			text: `{"out_trade_no":"A1","close_at":1800,"total":100,"openid":null}` + "\n\n" +
				`{"outTradeNo":"A2","closeAt":"1800","owner":"tcb:u1","api":"v3"}` + "\n" +
				`{"outTradeNo":"A3","closeAt":"1800","owner":"wx:wx0:oX"}`,
		},
		{
			name: "json with slips", format: "jsonl", lines: 12,
			text: `[]` + "\n" + `{"out_trade_no":"A1","close_at":1800,"total":"1.5"}` + "\n" + `{"out_trade_no":1,"close_at":1}` + "\n" +
				`{"out_trade_no":"A1","close_at":1` + "\n" + `{"out_trade_no":"A1","outTradeNo":"A1"}` + "\n" + `{"amount":1}` + "\n" +
				`{"out_trade_no":"A1","close_at":1800} x` + "\n" + `{"out_trade_no":"A1","close_at":true}` + "\n" +
				`{"out_trade_no":"A1","close_at":{"a":1}}` + "\n" + `{"out_trade_no":"A1","close_at":1,"owner":"me"}` + "\n" + `{` + "\n" + `{"close_at":1}`,
			rejected: []string{
				"1  line must be a JSON object", "2 A1 total must be", "3  out_trade_no must be a string", "4 A1 line is not JSON",
				"5 A1 out_trade_no is given twice", "6  amount is nothing that", "7 A1 line has something behind", "8 A1 close_at must be a string",
				"9 A1 close_at must be a string", "10 A1 owner must be", "11  line is not JSON", "12  out_trade_no must be given",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &shop{}
			in, _ := s.intake(c.format)
			if err := in.run(t.Context(), iotest.OneByteReader(strings.NewReader(c.text))); err != nil {
				t.Fatal(err)
			}
			if in.lines != c.lines || in.added != c.added || in.known != c.known || in.rejects.count != len(c.rejected) {
				t.Errorf("got %d orders, %d added, %d known, %d rejected; want %d, %d, %d, %d",
					in.lines, in.added, in.known, in.rejects.count, c.lines, c.added, c.known, len(c.rejected))
			}
			for i, one := range in.rejects.first {
				got := fmt.Sprintf("%d %s %s %s", one.line, one.number, one.field, one.rule)
				if i >= len(c.rejected) || !strings.HasPrefix(got, c.rejected[i]) {
					t.Errorf("rejected: got %q, want %q", got, slices.Concat(c.rejected, []string{"nothing more"})[min(i, len(c.rejected))])
				}
			}
		})
	}
}

// What the facts are called everywhere, they are registered as.
func TestIntakeFacts(t *testing.T) {
	t.Parallel()
	s := &shop{}
	in, _ := s.intake(formatCSV)
	text := "Out Trade No,close-at,openid,total,createdAt,sub_mchid,sub_appid,API\n" +
		"A1,2026-11-22T18:30:00+08:00,oX,100,2026-11-22T18:00:00+08:00,1900000001,wx0,v3\n"
	if err := in.run(t.Context(), strings.NewReader(text)); err != nil || in.added != 1 {
		t.Fatalf("got %d added, %v, %v", in.added, err, in.rejects.first)
	}
	e := s.orders[order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}]
	if e.Owner != "wx:wx0:oX" || *e.Total != 100 || e.CreatedAt.Unix() != 1795341600 || e.CloseAt.Sub(e.CreatedAt).Minutes() != 30 || e.API != order.V3 {
		t.Errorf("got %+v", e)
	}
}

// A header with a slip in it, a broken file and a broken store end an import.
func TestIntakeFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("out of reach")
	for name, c := range map[string]struct {
		source io.Reader
		store  error
		usage  bool
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
			in, _ := (&shop{broken: c.store}).intake(formatCSV)
			err := in.run(t.Context(), c.source)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if code, _ := exitCode(err); (code == exitUsage) != c.usage {
				t.Errorf("exit code %d", code)
			}
		})
	}
	in, _ := (&shop{}).intake(formatCSV)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if err := in.run(ctx, strings.NewReader("out_trade_no,close_at\nA1,1\n")); !errors.Is(err, broken) {
		t.Errorf("interrupted: got %v, want %v", err, broken)
	}
}

// A long file is registered in batches, and whoever watches sees it go on.
func TestIntakeBatches(t *testing.T) {
	t.Parallel()
	const orders = 2*everySoMany + inBatch/2
	var text strings.Builder
	text.WriteString("out_trade_no,close_at\n")
	for i := range orders {
		fmt.Fprintf(&text, "N%d,1800\n", i)
	}
	s := &shop{}
	in, shown := s.intake(formatCSV)
	if err := in.run(t.Context(), strings.NewReader(text.String())); err != nil || in.added != orders {
		t.Fatalf("got %d added, %v", in.added, err)
	}
	if slices.Max(s.batches) != inBatch || len(s.batches) != orders/inBatch+1 {
		t.Errorf("got %d batches, the largest of %d", len(s.batches), slices.Max(s.batches))
	}
	if got, want := shown.String(), "100000 orders …\n200000 orders …\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// On a terminal there is a bar, which is gone in the end.
func TestProgressBar(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	p := newProgress(&shown, 100, true, &language{chinese: true})
	p.at(50, 5)
	p.end()
	if text := shown.String(); !strings.Contains(text, "导入") || !strings.Contains(text, "%") || strings.Contains(text, "\n") {
		t.Errorf("got %q", text)
	}
}

// Who watches is shown the first of the rejected lines, and nothing that would take over the terminal.
func TestRejectsShown(t *testing.T) {
	t.Parallel()
	r := &rejects{language: &language{}}
	for i := range mostRejects + 3 {
		if err := r.add(rejected{i + 2, "A\x1b[2J", "total", words("must be better", "须更好")}); err != nil {
			t.Fatal(err)
		}
	}
	var shown strings.Builder
	if err := r.end(&shown); err != nil {
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

// That the report of rejected lines could not be written is not passed over.
func TestRejectsFile(t *testing.T) {
	t.Parallel()
	r := newRejects(brokenFile{}, &language{})
	err := r.add(rejected{2, "A1", "total", words("wrong", "有误")})
	if err = errors.Join(err, r.end(io.Discard)); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
}

// Columns are as wide as their longest text, in either script.
func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	rows := &table{out: &out, header: []string{"", "订单", "why"}}
	rows.row("✓", "A1", "")
	rows.row("✗", "A-LONG", "no\x1b")
	rows.flush()
	rows.flush()
	want := "   订单    why\n✓  A1\n✗  A-LONG  no\\u001b\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// Every standing and every event has words in both languages.
func TestStandingWords(t *testing.T) {
	t.Parallel()
	for _, word := range []string{
		string(schedule.Waiting), string(schedule.Closing), string(schedule.GaveUp),
		string(schedule.FinalClosed), string(schedule.FinalPaid), string(schedule.FinalNotFound),
	} {
		if w := standings[word]; w.EN == "" || w.ZH == "" {
			t.Errorf("%s: got %+v", word, w)
		}
	}
	for _, kind := range []schedule.EventKind{
		schedule.EventClosed, schedule.EventPaid, schedule.EventPaidOtherAmount, schedule.EventNotFound, schedule.EventGaveUp, schedule.EventContradicted,
	} {
		if w := kindWords[kind]; w.EN != string(kind) || w.ZH == "" {
			t.Errorf("%s: got %+v", kind, w)
		}
	}
}
