package config_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
)

// TestReadmeChinese: README.zh.md has a row for each variable, in the table's order, with the
// values and the meaning that programs show in Chinese.
func TestReadmeChinese(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.zh.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `((?:WXPAY|CLOUDPAY)_[A-Z_0-9]+)` \\|(.*)\\|$")
	var got []string
	for _, found := range row.FindAllStringSubmatch(string(text), -1) {
		cells := strings.Split(found[2], "|")
		if len(cells) < 4 {
			t.Errorf("%s: got the row %s, want five cells", found[1], found[0])
			continue
		}
		last := len(cells) - 1
		got = append(got, fmt.Sprintln(found[1], strings.TrimSpace(cells[1]), strings.Trim(cells[2], " `"), strings.TrimSpace(cells[last])))
	}
	i := 0
	config.Describe(func(name, initial string, _ bool, values, meaning bilingual.Text) {
		if want := fmt.Sprintln(name, values.ZH, initial, meaning.ZH); i < len(got) && got[i] != want {
			t.Errorf("README.zh.md says\n%s\nand the code\n%s", got[i], want)
		}
		i++
	})
	if len(got) != i {
		t.Errorf("README.zh.md has %d variables, want %d", len(got), i)
	}
}

// TestDescribe: each variable is explained in both languages, and the secret ones are those that a
// configuration keeps as secrets.
func TestDescribe(t *testing.T) {
	t.Parallel()
	secret := map[string]bool{}
	config.Describe(func(name, _ string, is bool, values, meaning bilingual.Text) {
		if values.EN == "" || meaning.EN == "" || meaning.ZH == "" || meaning.EN == meaning.ZH {
			t.Errorf("%s is not explained: %v, %v", name, values, meaning)
		}
		secret[name] = is
	})
	for name, want := range map[string]bool{
		"WXPAY_V2_KEY": true, "WXPAY_V3_KEY": true, "WXPAY_PRIVATE_KEY": true, "CLOUDPAY_SERVICE_TOKEN": true, "CLOUDPAY_HTTP_TOKEN": true,
		"CLOUDPAY_TIMER_TOKEN": true, "CLOUDPAY_METRICS_TOKEN": true, "CLOUDPAY_STORE": true, "CLOUDPAY_NOTIFY_URL": true,
		"CLOUDPAY_NOTIFY_KEY": true, "CLOUDPAY_PAYNOTIFY_FORWARD_URL": true,
		"WXPAY_MCHID": false, "WXPAY_PUBLIC_KEY": false, "WXPAY_API": false, "CLOUDPAY_LOG_LEVEL": false,
	} {
		if got, known := secret[name]; !known || got != want {
			t.Errorf("%s: secret is %t (known: %t), want %t", name, got, known, want)
		}
	}
	var kept int
	count(reflect.TypeFor[config.Config](), &kept)
	var marked int
	for _, is := range secret {
		if is {
			marked++
		}
	}
	if marked != kept {
		t.Errorf("%d variables are marked secret, and a configuration keeps %d", marked, kept)
	}
}

// count counts the fields of a type that hold secrets, one or several.
func count(in reflect.Type, kept *int) {
	secret := reflect.TypeFor[config.Secret]()
	for field := range in.Fields() {
		switch {
		case field.Type == secret, field.Type.Kind() == reflect.Slice && field.Type.Elem() == secret:
			*kept++
		case field.Type.Kind() == reflect.Struct:
			count(field.Type, kept)
		}
	}
}
