package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/schedule"
)

// A status that is watched goes on when a reading fails, as in a failover.
func TestWatchGoesOn(t *testing.T) {
	t.Parallel()
	gone := &schedule.StoreError{
		Doing: "reading events", Reason: bilingual.New("the database is out of reach", "无法连接数据库"), Err: errors.New("dial"),
	}
	refused := &schedule.StoreError{Doing: "reading events", Reason: bilingual.New("check the password", "请检查密码"), Lasting: true}
	for name, tc := range map[string]struct {
		readings []error
		made     int // before Ctrl-C in the tenth second
		said     string
		err      error
	}{
		"a failover":                {[]error{nil, gone, gone, nil, nil}, 5, "reading events: the database is out of reach\n", nil},
		"it begins during one":      {[]error{gone, nil, nil, nil, nil}, 5, "the database is out of reach\n", nil},
		"refused from the start on": {[]error{refused}, 1, "", refused},
		"refused later":             {[]error{nil, refused, nil, nil, nil}, 5, "check the password\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
				defer cancel()
				var out strings.Builder
				cmd := &cobra.Command{}
				cmd.SetContext(ctx)
				cmd.SetErr(&out)
				made := 0
				err := (&statusCmd{storeFlags: storeFlags{Language: &render.Language{}}}).repeat(cmd, func() error {
					made++
					return tc.readings[made-1]
				})
				if !errors.Is(err, tc.err) || made != tc.made || !strings.HasSuffix(out.String(), tc.said) {
					t.Errorf("got error %v, %d readings and %q; want %v, %d and %q", err, made, out.String(), tc.err, tc.made, tc.said)
				}
				if got, want := strings.Count(out.String(), "\n"), strings.Count(tc.said, "\n"); want > 0 && got < want {
					t.Errorf("got %d lines of errors, want one for each failed reading: %q", got, out.String())
				}
			})
		})
	}
}
