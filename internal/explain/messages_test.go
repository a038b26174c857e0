package explain

import (
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/cause"
	"cloudpay/internal/diagnosis"
)

// TestKnownMessages: each text that WeChat Pay or an SDK prints is read by itself, and leads to the
// causes that the table has for it, of whichever program it is.
func TestKnownMessages(t *testing.T) {
	t.Parallel()
	programs := map[string]bool{}
	for _, message := range cause.Messages() {
		programs[message.From] = true
		text := strings.ReplaceAll(message.Text, "…", " 1 ")
		var ids []cause.ID
		for _, answer := range Explain(Read([]byte(text)), diagnosis.Keys{}) {
			for _, f := range answer.Findings {
				ids = append(ids, f.ID)
			}
			if answer.Verdict != Fault {
				t.Errorf("%q is %s, want a fault", text, answer.Verdict)
			}
		}
		for _, id := range message.IDs {
			if !slices.Contains(ids, id) {
				t.Errorf("%q of %s has the causes %v, want %s among them", text, message.From, ids, id)
			}
		}
	}
	if len(programs) < 7 {
		t.Errorf("got the messages of %d programs, want WeChat Pay's and those of six SDKs", len(programs))
	}
}

// TestHostileTexts are texts that would take hours if each piece were read to the end of the text.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nested":        "x " + strings.Repeat(`{"a":`, MaxInput/5-1),
		"comments":      "<xml><a>" + strings.Repeat("<!---->a", MaxInput/8-2),
		"start lines":   strings.Repeat("GET /v3/x HTTP/1.1\n", MaxInput/19),
		"documents":     strings.Repeat("<xml>", MaxInput/5),
		"folded":        "GET /v3/x HTTP/1.1\nA: b\n" + strings.Repeat(" c\n", MaxInput/3-20),
		"quotes":        "curl " + strings.Repeat(`"`, MaxInput-5),
		"marks of curl": strings.Repeat("> GET /v3/x HTTP/1.1\n<\n", MaxInput/23),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Read([]byte(text))
			if len(r.Parts) == 0 || len(r.Parts) > maxParts || len(r.Notes) > maxParts {
				t.Errorf("got %d parts and %d notes", len(r.Parts), len(r.Notes))
			}
		})
	}
}
