package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"

	"cloudpay/internal/store/migrate"
	"cloudpay/internal/store/storetest"
)

// newest is the newest step of the register's schema.
func (s *site) newest() int64 {
	s.Helper()
	steps, err := migrate.Status(s.Context(), "sqlite:"+filepath.Join(s.TempDir(), "steps.db"))
	if err != nil {
		s.Fatal(err)
	}
	return steps[len(steps)-1].Version
}

// A folder of the version before is brought up to date, and the register says so.
func TestOlderFolder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	dir := s.folder()
	d := s.emulate(dir).open()
	d.wantClosed("A1")
	d.stop()
	// That version had neither a gateway's file nor keys for events and certificates, and one step
	// less of the register's schema.
	s.edit(filepath.Join(dir, "secrets.json"), func(text []byte) []byte {
		var secrets map[string]string
		if err := json.Unmarshal(text, &secrets); err != nil {
			t.Fatal(err)
		}
		delete(secrets, "events_key")
		text, err := json.Marshal(secrets)
		if err != nil {
			t.Fatal(err)
		}
		return text
	})
	s.register(dir)
	for _, name := range []string{"gateway.db", "certificate_key.pem", "orders.db"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.edit(filepath.Join(dir, "clock"), func([]byte) []byte { return []byte("30m0s\n") })
	register := filepath.Join(dir, "orders.db")
	if _, err := migrate.UpTo(t.Context(), "sqlite:"+register, s.newest()-1); err != nil {
		t.Fatal(err)
	}

	again := s.emulate(dir).open()
	again.wantClosed("A2")
	if !again.place("A3", "") || !again.registers("A3") {
		t.Error("the register does not work")
	}
	again.stop()
	want := register + " was an older program's: its schema is brought to step " + strconv.FormatInt(s.newest(), 10)
	if printed := again.output.String(); strings.Count(printed, want) != 1 {
		t.Errorf("want %q once in\n%s", want, printed)
	}
	// A step that this program does not know, and need not know.
	next := strconv.FormatInt(s.newest()+1, 10)
	s.register(dir, "UPDATE cloudpay_schema SET version = "+next, "INSERT INTO cloudpay_migrations (version_id, is_applied) VALUES ("+next+", 1)")
	third := s.emulate(dir).open()
	if !third.registers("A3") {
		t.Error("the registration is lost")
	}
	third.stop()
	if printed := third.output.String(); strings.Contains(printed, "older program") {
		t.Errorf("it is brought up to date twice:\n%s", printed)
	}
}

// register executes statements in a folder's register. Afterwards its file is all that there is of
// it.
func (s *site) register(dir string, statements ...string) {
	s.Helper()
	db := storetest.Raw(s.T, "sqlite:"+filepath.Join(dir, "orders.db"))
	for _, statement := range append(statements, "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode = DELETE") {
		if _, err := db.ExecContext(s.Context(), statement); err != nil {
			s.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		s.Fatal(err)
	}
}

// edit changes a file.
func (s *site) edit(file string, change func([]byte) []byte) {
	s.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, change(text), 0o600)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// What cannot be read is named, with what to do, and is left as it is; --fresh begins anew.
func TestUnreadableFolder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, test := range map[string]struct {
		spoil func(s *site, dir string)
		want  []string
		// lasting says that --fresh, which keeps the keys, does not help.
		lasting bool
	}{
		"a newer register": {
			spoil: func(s *site, dir string) {
				next := strconv.FormatInt(s.newest()+1, 10)
				s.register(dir, "UPDATE cloudpay_schema SET version = "+next+", compatible_since = "+next,
					"INSERT INTO cloudpay_migrations (version_id, is_applied) VALUES ("+next+", 1)")
			},
			want: []string{"orders.db is a newer program's: ", "start that program", "--dir", "--fresh"},
		},
		"a damaged register": {
			spoil: func(s *site, dir string) {
				s.register(dir)
				s.edit(filepath.Join(dir, "orders.db"), func(text []byte) []byte { return text[100:] })
			},
			want: []string{"orders.db cannot be read: ", "move it away", "--dir", "--fresh"},
		},
		"a newer gateway": {
			spoil: func(s *site, dir string) { s.setFormat(filepath.Join(dir, "gateway.db"), 99) },
			want:  []string{"gateway.db is a newer program's: ", "its format is 99", "start that one", "move it away", "--dir"},
		},
		"a damaged gateway": {
			spoil: func(s *site, dir string) {
				s.edit(filepath.Join(dir, "gateway.db"), func(text []byte) []byte { return text[:len(text)/2] })
			},
			want: []string{"gateway.db cannot be read: ", "move it away", "--dir"},
		},
		"keys that are none": {
			spoil: func(s *site, dir string) {
				s.edit(filepath.Join(dir, "apiclient_key.pem"), func([]byte) []byte { return []byte("none") })
			},
			want:    []string{"apiclient_key.pem is not PEM", "delete"},
			lasting: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.on(t)
			dir := s.folder()
			d := s.emulate(dir).open()
			if !d.place("A1", "") || !d.registers("A1") {
				t.Error("the register does not work")
			}
			d.stop()
			test.spoil(s, dir)
			before := s.contents(dir)
			s.emulate(dir).refused(test.want...)
			for name, text := range s.contents(dir) {
				if text != before[name] {
					t.Errorf("%s is another now", name)
				}
			}
			if test.lasting {
				s.emulate(dir, "--fresh").refused(test.want...)
				return
			}
			fresh := s.emulate(dir, "--fresh").open()
			fresh.wantClosed("A1") // it is placed anew
			fresh.stop()
		})
	}
}

// setFormat changes the format that a gateway's file says it has.
func (s *site) setFormat(file string, format int) {
	s.Helper()
	db, err := bolt.Open(file, 0o600, nil)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	const key = "format"
	value := []byte(strconv.Itoa(format))
	sum := crc32.Checksum(append([]byte(key), value...), crc32.MakeTable(crc32.Castagnoli))
	err = db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(key)).Put([]byte(key), append(binary.BigEndian.AppendUint32(nil, sum), value...))
	})
	if err != nil {
		s.Fatal(err)
	}
}

// contents are a folder's databases and keys.
func (s *site) contents(dir string) map[string]string {
	s.Helper()
	texts := map[string]string{}
	for _, name := range []string{"gateway.db", "orders.db", "secrets.json", "apiclient_key.pem"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			s.Fatal(err)
		}
		texts[name] = string(text)
	}
	if strings.HasPrefix(texts["orders.db"], "SQLite format 3\x00") { // SQLite rewrites it, and keeps what is in it
		e := &emulator{site: s, dir: dir}
		texts["orders.db"] = fmt.Sprint(shop{emulator: e}.endings())
	}
	return texts
}

// stranger is a user who owns nothing of the test's. A test that does not run as root is such a
// user itself.
func stranger(e *emulator) {
	const nobody = 65534
	if os.Geteuid() == 0 {
		e.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

// A folder that this user cannot write ends with a sentence that says what to do, whatever of it
// the user cannot write.
func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const remedy = "this user may not write there: choose a folder elsewhere with --dir"
	for _, command := range []string{"emulate", "gateway"} {
		for name, test := range map[string]struct {
			// forbid makes it so in a folder in which an emulator has served; nil: there is none.
			forbid func(s *site, dir string)
			want   string
		}{
			"none can be made": {want: "making the folder "},
			"no file can be made": {
				forbid: func(s *site, dir string) { s.forbid(dir, 0o555) },
				want:   "permission denied",
			},
			"its lock": {
				forbid: func(s *site, dir string) { s.forbid(filepath.Join(dir, "lock"), 0) },
				want:   "taking the folder ",
			},
			"its keys": {
				forbid: func(s *site, dir string) { s.forbid(filepath.Join(dir, "secrets.json"), 0) },
				want:   "secrets.json: permission denied",
			},
			"its gateway": {
				forbid: func(s *site, dir string) { s.forbid(filepath.Join(dir, "gateway.db"), 0o444) },
				want:   "gateway.db: permission denied",
			},
			"its register": {
				forbid: func(s *site, dir string) { s.forbid(filepath.Join(dir, "orders.db"), 0o444) },
				want:   "orders.db: permission denied",
			},
		} {
			if command == "gateway" && name == "its register" {
				continue // it has none
			}
			t.Run(command+", "+name, func(t *testing.T) {
				t.Parallel()
				s := s.on(t)
				dir := s.folder()
				if test.forbid == nil {
					s.forbid(filepath.Dir(dir), 0o555)
				} else {
					before := s.command("emulate", dir, "--port-base", "0")
					stranger(before)
					before.start().await("it serves", func() bool { return served(dir) })
					before.stop()
					test.forbid(s, dir)
				}
				e := s.command(command, dir, "--port-base", "0")
				stranger(e)
				e.start().refused(test.want, remedy)
			})
		}
	}
}

// served reports whether an emulator has described itself in a folder.
func served(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "emulator.json"))
	return err == nil
}

// forbid takes a file or a folder from the stranger, but for a mode's rights.
func (s *site) forbid(file string, mode os.FileMode) {
	s.Helper()
	var err error
	if os.Geteuid() == 0 {
		err = os.Chown(file, 0, 0)
	}
	if err == nil {
		err = os.Chmod(file, mode)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = os.Chmod(file, 0o700) }) // so that it can be removed
}

// A file system that is mounted for reading only is such a folder, also for root, and also one in
// which an emulator has served.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, began := range map[string]bool{"new": false, "old": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.on(t)
			disk := s.mounted("8m")
			dir := filepath.Join(disk, "emu")
			if began {
				d := s.emulate(dir).open()
				d.wantClosed("A1")
				d.stop()
			}
			if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			for _, command := range []string{"emulate", "gateway"} {
				s.command(command, dir, "--port-base", "0").start().refused("read-only file system", "choose a folder elsewhere with --dir")
			}
		})
	}
}

// mounted is the folder of a file system of its own, of a size as tmpfs takes it.
func (s *site) mounted(size string) string {
	s.Helper()
	dir, err := os.MkdirTemp(s.root, "disk-")
	if err != nil {
		s.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		s.Skipf("SKIPPED: only root may mount a file system for this test: %v", err)
	}
	s.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			s.Errorf("unmounting %s: %v", dir, err)
		}
	})
	return dir
}
