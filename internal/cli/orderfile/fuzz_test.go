package orderfile

import (
	"errors"
	"io"
	"strings"
	"testing"

	"cloudpay/internal/cli/render"
)

// FuzzImport imports any text. Each line is registered or rejected, and what was rejected is
// rejected again, for as often as it is imported, without anything added to it.
func FuzzImport(f *testing.F) {
	for _, text := range []string{
		"out_trade_no,close_at\nA1,1800\nA2,x\n", "sep=;\nout_trade_no;close_at;,\nA1;x;,\n", "商户订单号\tclose_at\n`A1\t2026/11/29 10:00\n\"A\t1\n",
		"rejected_line,rejected_field,rejected_rule,out_trade_no,close_at\n1,\"a,b\",c,A1,1\n",
	} {
		f.Add(text, true)
	}
	for _, text := range []string{"{\"out_trade_no\":\"A1\"}\n{}\n[]\n {\n", `{"rejected":{"line":1},"out_trade_no":1}`, `{"rejected":1} x`} {
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, isCSV bool) {
		s := &shop{}
		first, in := s.rejectedOf(t, text, isCSV)
		if in == nil || in.Rejects.Count == 0 {
			return
		}
		if in.Lines != in.Added+in.Known+in.Rejects.Count {
			t.Errorf("%d lines, and %d added, %d known, %d rejected", in.Lines, in.Added, in.Known, in.Rejects.Count)
		}
		second, again := s.rejectedOf(t, first, isCSV)
		if again == nil || again.Rejects.Count != in.Rejects.Count || again.Lines != in.Rejects.Count {
			t.Fatalf("imported again, they are other lines:\n%q\n%q", first, second)
		}
		if third, _ := s.rejectedOf(t, second, isCSV); third != second {
			t.Errorf("imported a third time, they change:\n%q\n%q", second, third)
		}
	})
}

// rejectedOf imports a text and returns what it rejects; the importer is nil for a text that is not
// read.
func (s *shop) rejectedOf(t *testing.T, text string, isCSV bool) (string, *Importer) {
	t.Helper()
	in, _ := s.importer(JSONLines)
	if isCSV {
		in.Format = CSV
	}
	var out strings.Builder
	in.Encoding = "utf-8" // the rejected lines alone may look like another encoding
	in.Rejects = newRejects(&fileInMemory{&out}, &render.Language{})
	err := in.Run(t.Context(), strings.NewReader(text))
	if _, is := errors.AsType[*FileError](err); is {
		return "", nil
	}
	if err := errors.Join(err, in.Rejects.End(io.Discard)); err != nil {
		t.Fatal(err)
	}
	return out.String(), in
}
