package cause_test

import (
	"slices"
	"testing"

	"cloudpay/internal/cause"
)

func TestMessages(t *testing.T) {
	t.Parallel()
	programs, seen := map[string]int{}, map[[2]string]bool{}
	for _, message := range cause.Messages() {
		programs[message.From]++
		if key := [2]string{message.From, message.Text}; seen[key] {
			t.Errorf("%q of %s stands twice", message.Text, message.From)
		} else {
			seen[key] = true
		}
		if len(message.IDs) == 0 {
			t.Errorf("%q has no cause", message.Text)
		}
	}
	for _, sdk := range []string{
		"WeChat Pay", "wechatpay-go", "wechatpay-java", "wechatpay-php", "WxJava", "gopay", "wechatpay-axios-plugin",
	} {
		if programs[sdk] < 5 {
			t.Errorf("got %d messages of %s, want those that its users report", programs[sdk], sdk)
		}
	}
}

func TestSymptoms(t *testing.T) {
	t.Parallel()
	for _, s := range cause.Symptoms() {
		if s.Title.EN == "" || s.Title.ZH == "" || len(s.Messages) == 0 {
			t.Errorf("%q: a title is missing, or nothing is seen", s.Title)
		}
		for i, id := range s.IDs {
			if _, is := cause.Of(id); !is {
				t.Errorf("%q: %s is no cause", s.Title, id)
			}
			if slices.Contains(s.IDs[:i], id) {
				t.Errorf("%q: %s stands twice", s.Title, id)
			}
		}
	}
}

// A cause that cannot be seen could not be found in docs/why.md.
func TestEachCauseIsSeen(t *testing.T) {
	t.Parallel()
	var seen []cause.ID
	for _, s := range cause.Symptoms() {
		seen = append(seen, s.IDs...)
	}
	for _, c := range cause.All() {
		if !slices.Contains(seen, c.ID) {
			t.Errorf("no symptom has the cause %s", c.ID)
		}
	}
}
