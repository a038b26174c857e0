package main

import (
	"crypto"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A disk that is full when a command starts ends it with a sentence that says so, whichever file is
// the one too many.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, run := range []struct{ command, size string }{
		{"emulate", "4k"},
		{"emulate", "8k"},
		{"emulate", "16k"},
		{"emulate", "32k"},
		{"emulate", "64k"},
		{"emulate", "128k"},
		{"gateway", "4k"},
		{"gateway", "16k"},
		{"gateway", "32k"},
	} {
		t.Run(run.command+" "+run.size, func(t *testing.T) {
			t.Parallel()
			s := s.on(t)
			dir := filepath.Join(s.mounted(run.size), "emu")
			s.command(run.command, dir, "--port-base", "0").start().refused(
				"the disk is full: make room there, or choose a folder elsewhere with --dir")
		})
	}
}

// A disk that fills up while an emulator serves has WeChat Pay and the functions answer that they
// failed. Nothing that was answered as done is lost, and with room again everything goes on; an
// emulator that is started before that says what is wrong.
func TestDiskFillsUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	disk := s.mounted("16m")
	dir := filepath.Join(disk, "emu")
	d := s.emulate(dir).open()
	d.wantClosed("A1")
	b := &books{}
	b.fill(d, "before", 10)
	for round := range 2 {
		filler := s.fillDisk(disk)
		b.fill(d, fmt.Sprint("R", round), math.MaxInt)
		d.wantFailing(dir)
		s.remove(filler)
		d.wantClosed(fmt.Sprint("A2-", round))
		if number := fmt.Sprint("N", round); !d.place(number, "") || !d.registers(number) {
			t.Error("with room again nothing goes on")
		}
		b.check(d)
	}

	filler := s.fillDisk(disk)
	b.fill(d, "last", math.MaxInt)
	d.kill()
	s.remove(filler, filepath.Join(dir, "emulator.json"), filepath.Join(dir, "functions.log"))
	filler = s.fillDisk(disk)
	s.emulate(dir).refused("the disk is full: make room there, or choose a folder elsewhere with --dir")
	s.remove(filler)
	again := s.emulate(dir).open()
	b.check(again)
	again.wantClosed("A3")
	again.stop()
}

// books are what was answered as done.
type books struct{ placed, registered []string }

// fill places and registers orders, at most so many, until neither is answered as done any more.
func (b *books) fill(d shop, prefix string, most int) {
	d.Helper()
	for n, places, registers := 0, true, true; n < most && (places || registers); n++ {
		number := fmt.Sprint(prefix, "-", n)
		if places = d.place(number, `,"attach":"`+strings.Repeat("x", 100)+`"`); places {
			b.placed = append(b.placed, number)
		}
		if registers = d.registers(number); registers {
			b.registered = append(b.registered, number)
		}
	}
}

// check wants everything to be there that was answered as done.
func (b *books) check(d shop) {
	d.Helper()
	for _, number := range b.placed {
		if state := d.state(number); state != "NOTPAY" {
			d.Errorf("the order %s was placed, and is %q", number, state)
		}
	}
	registered := d.endings()
	for _, number := range b.registered {
		if _, there := registered[number]; !there {
			d.Errorf("the order %s was registered, and is not there", number)
		}
	}
}

// wantFailing wants what cannot be kept to be refused: by WeChat Pay in the form of each of its
// APIs, by its management API, and by the functions.
func (d shop) wantFailing(dir string) {
	d.Helper()
	const sentence = "the gateway's state cannot be kept in "
	if status, answer := d.manage(http.MethodGet, "/orders", ""); status != http.StatusInternalServerError ||
		!strings.Contains(answer, sentence+filepath.Join(dir, "gateway.db")) || !strings.Contains(answer, "make room") {
		d.Errorf("the management API answers %d: %s", status, answer)
	}
	if status, answer := d.v3(http.MethodPost, "/v3/pay/transactions/out-trade-no/A1/close", `{"mchid":"`+d.Merchant.MchID+`"}`); status !=
		http.StatusInternalServerError || !strings.Contains(answer, `"code":"SYSTEM_ERROR"`) {
		d.Errorf("APIv3 answers %d: %s", status, answer)
	}
	if answer := d.v2("/pay/orderquery", "A1"); !strings.Contains(answer, "SYSTEMERROR") {
		d.Errorf("APIv2 answers %s", answer)
	}
	if d.CloudURL == "" {
		return
	}
	if r, err := d.close(`{"out_trade_no":"A1"}`); err != nil || r.ReturnCode != "FAIL" || !r.Retryable {
		d.Errorf("a close that cannot be recorded is answered %+v, %v", r, err)
	}
	if r, err := d.close(`{"out_trade_no":"A9","close_at":36000}`); err != nil || r.ReturnCode != "FAIL" || !r.Retryable {
		d.Errorf("a registration that cannot be kept is answered %+v, %v", r, err)
	}
}

// fillDisk writes a file until a file system is full, and returns its name.
func (s *site) fillDisk(disk string) string {
	s.Helper()
	f, err := os.CreateTemp(disk, "filler-")
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for size := 1 << 16; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		s.Fatal(err)
	}
	return f.Name()
}

// remove removes files, those that are there.
func (s *site) remove(files ...string) {
	s.Helper()
	for _, file := range files {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.Fatal(err)
		}
	}
}

// A file that is as long as this user's files may become is as good as a full disk, and no crash.
func TestLongestFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, command := range []string{"emulate", "gateway"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			s := s.on(t)
			dir := s.folder()
			d := s.command(command, dir, "--port-base", "0").start().open()
			if !d.place("A1", "") {
				t.Error("the order was not placed")
			}
			info, err := os.Stat(filepath.Join(dir, "gateway.db"))
			if err != nil {
				t.Fatal(err)
			}
			d.limitFiles(uint64(info.Size()))
			placed := 0
			for d.place(fmt.Sprint("B", placed), `,"attach":"`+strings.Repeat("x", 100)+`"`) {
				placed++
			}
			status, answer := d.v3(http.MethodGet, "/v3/pay/transactions/out-trade-no/A1?mchid="+d.Merchant.MchID, "")
			if status != http.StatusInternalServerError || !strings.Contains(answer, `"code":"SYSTEM_ERROR"`) {
				t.Errorf("got %d: %s", status, answer)
			}
			d.limitFiles(^uint64(0))
			if !d.place("A2", "") {
				t.Error("with room again nothing goes on")
			}
			d.stop()
			if printed := d.output.String(); strings.Contains(printed, "SIGXFSZ") {
				t.Errorf("it crashed:\n%s", printed)
			}
			again := s.command(command, dir, "--port-base", "0").start().open()
			for n := range placed {
				if number := fmt.Sprint("B", n); again.state(number) != "NOTPAY" {
					t.Errorf("the order %s is lost", number)
				}
			}
			again.stop()
		})
	}
}

// limitFiles limits the length of the process's files (prlimit(2), RLIMIT_FSIZE), in bytes. Its
// functions, which run already, keep theirs.
func (e *emulator) limitFiles(bytes uint64) {
	e.Helper()
	limit := syscall.Rlimit{Cur: bytes, Max: ^uint64(0)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(e.cmd.Process.Pid), syscall.RLIMIT_FSIZE,
		uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		e.Fatal(errno)
	}
}

// v3 makes a request to APIv3 as the merchant, signed by hand as its documents say
// (https://pay.weixin.qq.com/doc/v3/merchant/4012365342).
func (d shop) v3(method, path, body string) (status int, answer string) {
	d.Helper()
	timestamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), rand.Text()
	text, err := os.ReadFile(d.Merchant.PrivateKey)
	if err != nil {
		d.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		d.Fatal(err)
	}
	sum := sha256.Sum256([]byte(method + "\n" + path + "\n" + timestamp + "\n" + nonce + "\n" + body + "\n"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		d.Fatal(err)
	}
	request, err := http.NewRequestWithContext(d.Context(), method, d.GatewayURL+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	request.Header.Set("Authorization", fmt.Sprintf(
		`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`,
		d.Merchant.MchID, nonce, timestamp, d.Merchant.Serial, base64.StdEncoding.EncodeToString(signature)))
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Wechatpay-Serial", d.Merchant.PublicKeyID)
	return d.send(request)
}

// v2 asks APIv2 about an order, signed by hand
// (https://pay.weixin.qq.com/doc/v2/merchant/4011985891).
func (d shop) v2(path, number string) string {
	d.Helper()
	elements := [][2]string{{"appid", d.Merchant.AppID}, {"mch_id", d.Merchant.MchID}, {"nonce_str", rand.Text()}, {"out_trade_no", number}}
	var signed, document strings.Builder
	for _, e := range elements {
		signed.WriteString(e[0] + "=" + e[1] + "&")
		document.WriteString("<" + e[0] + ">" + e[1] + "</" + e[0] + ">")
	}
	sum := md5.Sum([]byte(signed.String() + "key=" + d.Merchant.V2Key))
	body := fmt.Sprintf("<xml>%s<sign>%X</sign></xml>", document.String(), sum)
	request, err := http.NewRequestWithContext(d.Context(), http.MethodPost, d.GatewayURL+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	_, answer := d.send(request)
	return answer
}

// send sends a request to WeChat Pay.
func (d shop) send(request *http.Request) (status int, answer string) {
	d.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// endings are the registered orders' ends, by their numbers; empty for an order without one.
func (d shop) endings() map[string]string {
	d.Helper()
	ends := map[string]string{}
	d.rows("SELECT out_trade_no, ending FROM cloudpay_orders", func(number, end string) { ends[number] = end })
	return ends
}
