package diagnosis_test

import (
	"testing"

	"cloudpay/internal/diagnosis"
)

// TestDifference: the place of the first character that differs, and its name on both sides.
func TestDifference(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		expected, signed string
		want             diagnosis.Place
		// in English
		expectedName, signedName string
	}{
		"space": {"GET\n{\"a\":\"b\"}\n", "GET\n{\"a\": \"b\"}\n",
			diagnosis.Place{Line: 2, Column: 6, Offset: 9, Before: `{"a":`, Expected: "\"b\"}\n", Signed: " \"b\"}\n"}, "a double quote", "a space"},
		"no last line feed": {"a\nb\n", "a\nb",
			diagnosis.Place{Line: 2, Column: 2, Offset: 3, Before: "b", Expected: "\n", Signed: ""}, "a line feed", "the end of the text"},
		"carriage return": {"a\nb\n", "a\r\nb\r\n",
			diagnosis.Place{Line: 1, Column: 2, Offset: 1, Before: "a", Expected: "\n", Signed: "\r\n"}, "a line feed", "a carriage return"},
		"Chinese, whole characters": {"茶茶x", "茶荼x",
			diagnosis.Place{Line: 1, Column: 2, Offset: 3, Before: "茶", Expected: "茶x", Signed: "荼x"}, "茶 (U+8336)", "荼 (U+837C)"},
		"no-break space": {"a b", "a\u00a0b",
			diagnosis.Place{Line: 1, Column: 2, Offset: 1, Before: "a", Expected: " b", Signed: "\u00a0b"}, "a space", "a no-break space (U+00A0)"},
		"no UTF-8": {"a", "\xff",
			diagnosis.Place{Line: 1, Column: 1, Offset: 0, Expected: "a", Signed: "\xff"}, "a", "the byte 0xff, which is no UTF-8"},
		"long": {"0123456789012345678901234567890123456789", "012345678901234567890123456789x123456789",
			diagnosis.Place{Line: 1, Column: 31, Offset: 30, Before: "678901234567890123456789", Expected: "0123456789", Signed: "x123456789"}, "0", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := diagnosis.Difference(test.expected, test.signed)
			if got.ExpectedName.EN != test.expectedName || got.SignedName.EN != test.signedName {
				t.Errorf("got %q and %q, want %q and %q", got.ExpectedName.EN, got.SignedName.EN, test.expectedName, test.signedName)
			}
			test.want.ExpectedName, test.want.SignedName = got.ExpectedName, got.SignedName
			if got != test.want || !ok {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	if _, ok := diagnosis.Difference("a", "a"); ok {
		t.Error("equal texts differ")
	}
}

// FuzzDifference: the texts agree in front of the place, and not at it.
func FuzzDifference(f *testing.F) {
	f.Add("GET\n茶\n", "GET\n荼\n")
	f.Add("a", "\xff")
	f.Fuzz(func(t *testing.T, expected, signed string) {
		place, ok := diagnosis.Difference(expected, signed)
		if ok != (expected != signed) {
			t.Fatalf("differ is %t", ok)
		}
		if !ok {
			return
		}
		at := place.Offset
		if at > len(expected) || at > len(signed) || expected[:at] != signed[:at] || place.Line < 1 || place.Column < 1 {
			t.Errorf("got %+v", place)
		}
	})
}
