package bilingual_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"cloudpay/internal/bilingual"
)

func TestText(t *testing.T) {
	t.Parallel()
	text := bilingual.New("closed", "已关单")
	if text.In(false) != "closed" || text.In(true) != "已关单" {
		t.Errorf("got %q and %q", text.In(false), text.In(true))
	}
	if got, want := fmt.Sprint(text), "closed / 已关单"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := bilingual.Same("A1").String(), "A1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A value with two wordings is formatted in the language of each wording.
func TestSprintf(t *testing.T) {
	t.Parallel()
	got := bilingual.Sprintf("%s of %s: %v", "%s（%s）：%v", bilingual.New("order", "订单"), "A1",
		bilingual.Errorf("no %s", "没有%s", bilingual.New("key", "密钥")))
	if want := bilingual.New("order of A1: no key", "订单（A1）：没有密钥"); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestErrorf(t *testing.T) {
	t.Parallel()
	cause := &fs.PathError{Op: "open", Path: "a.csv", Err: syscall.ENOENT}
	err := bilingual.Errorf("the orders to import: %w", "要导入的订单：%w", cause)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap %v", err, cause)
	}
	if got, want := err.Error(), "the orders to import: open a.csv: no such file or directory"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := bilingual.Wording(err).ZH, "要导入的订单：open a.csv: 没有该文件或目录"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWording(t *testing.T) {
	t.Parallel()
	own := bilingual.Errorf("is a folder", "是文件夹")
	for name, test := range map[string]struct {
		err    error
		en, zh string
	}{
		"none":             {nil, "", ""},
		"foreign":          {errors.New("pq: SSL is not enabled"), "pq: SSL is not enabled", "pq: SSL is not enabled"},
		"own":              {own, "is a folder", "是文件夹"},
		"wrapped":          {fmt.Errorf("reading: %w", own), "reading: is a folder", "reading: 是文件夹"},
		"wrapped twice":    {fmt.Errorf("a: %w", fmt.Errorf("b: %w", own)), "a: b: is a folder", "a: b: 是文件夹"},
		"two":              {fmt.Errorf("%w, %w", own, context.Canceled), "is a folder, context canceled", "是文件夹, 已取消"},
		"joined":           {errors.Join(own, os.ErrPermission), "is a folder\npermission denied", "是文件夹\n没有权限"},
		"the system's":     {syscall.EADDRINUSE, "address already in use", "地址已被占用"},
		"not comparable":   {uncomparable{}, "slice", "slice"},
		"errors as values": {bilingual.Errorf("x: %w", "甲：%w", own), "x: is a folder", "甲：是文件夹"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, want := bilingual.Wording(test.err), bilingual.New(test.en, test.zh); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// uncomparable is an error that may not be compared with ==.
type uncomparable []string

func (uncomparable) Error() string { return "slice" }
