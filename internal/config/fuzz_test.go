package config_test

import (
	"encoding/pem"
	"strings"
	"testing"

	"cloudpay/internal/config"
)

// FuzzDecodePEM: a text is refused in one line that repeats nothing of it, or gives blocks that
// read back as they are; and what encoding/pem reads of a text with one block is what we read of
// it, with its line breaks or without.
func FuzzDecodePEM(f *testing.F) {
	whole := block("PRIVATE KEY")
	for _, text := range []string{
		whole, strings.ReplaceAll(whole, "\n", `\n`), strings.ReplaceAll(whole, "\n", " "), block("CERTIFICATE") + block("CERTIFICATE"),
		"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END A-----\n", "-----BEGIN", "-----BEGIN A-----AAAA-----END B-----", "\xff\xfe",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := config.DecodePEM(text)
		if err != nil {
			if len(err.Error()) > 300 || strings.ContainsAny(err.Error(), "\r\n\x1b") {
				t.Errorf("got %q, want one short line", err)
			}
			return
		}
		for _, block := range got {
			if len(block.Headers) > 0 {
				continue
			}
			again := strings.ReplaceAll(string(pem.EncodeToMemory(block)), "\n", " ")
			if len(block.Bytes) == 0 {
				continue
			}
			back, err := config.DecodePEM(again)
			if err != nil || len(back) != 1 || back[0].Type != block.Type || string(back[0].Bytes) != string(block.Bytes) {
				t.Errorf("%q in one line was read as %+v, %v", again, back, err)
			}
		}
		if plain, rest := pem.Decode([]byte(text)); plain != nil && !strings.Contains(string(rest), "-----BEGIN") &&
			strings.Count(text, "-----BEGIN") == 1 && len(got) == 1 && string(plain.Bytes) != string(got[0].Bytes) {
			t.Errorf("%q was read as %q, want %q", text, got[0].Bytes, plain.Bytes)
		}
	})
}
