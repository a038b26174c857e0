package world

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/store"
	"cloudpay/internal/store/sqlite"
)

// The files of a folder's state. The gateway's orders and clock are in one database, the registered
// orders in another, and the cloud's asynchronous events in a third, each of which a killed process
// leaves consistent. The clock's file repeats what the gateway's database has, for the functions.
const (
	gatewayFile = "gateway.db"
	cloudFile   = "cloud.db"
	ordersFile  = "orders.db"
	clockFile   = "clock"
	// resettingFile is there while the state is removed or replaced.
	resettingFile = "resetting"
)

// state lists them.
func state() []string {
	return append(registerFiles(), gatewayFile, cloudFile, clockFile, ordersFile+"-shm")
}

// registerFiles are those of the registered orders. SQLite has up to three files beside its own:
// what is committed may still be in the -wal. What is in the -shm is made anew.
func registerFiles() []string {
	return []string{ordersFile, ordersFile + "-wal", ordersFile + "-journal"}
}

// prepare removes the state of earlier runs if that is wanted, or if a process died while it did.
func prepare(dir string, fresh bool) error {
	_, err := os.Stat(filepath.Join(dir, resettingFile))
	if !fresh && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return reset(dir, func() error { return nil })
}

// reset removes the state, and has put make another. It removes all or nothing: what a killed
// process leaves half removed or half made, the next start removes.
func reset(dir string, put func() error) error {
	marker := filepath.Join(dir, resettingFile)
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		return bilingual.Errorf("resetting the state in %s: %w", "清除 %s 中的状态：%w", dir, err)
	}
	for _, name := range state() {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return bilingual.Errorf("resetting the state in %s: %w", "清除 %s 中的状态：%w", dir, err)
		}
	}
	if err := put(); err != nil {
		return err
	}
	if err := os.Remove(marker); err != nil {
		return bilingual.Errorf("resetting the state in %s: %w", "清除 %s 中的状态：%w", dir, err)
	}
	return nil
}

// explain adds to an error what to do about a full disk or a folder that cannot be written.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return bilingual.Errorf("%w\nthe disk is full: make room there, or choose a folder elsewhere with --dir",
			"%w\n磁盘已满：请腾出空间，或用 --dir 另选目录", err)
	case isForbidden(err):
		return bilingual.Errorf("%w\nthis user may not write there: choose a folder elsewhere with --dir",
			"%w\n当前用户无权写入：请用 --dir 另选目录", err)
	}
	return err
}

// isForbidden recognises a folder or a file that this user may not write. A program that may not be
// run is another fault.
func isForbidden(err error) bool {
	path, is := errors.AsType[*fs.PathError](err)
	return is && path.Op != "fork/exec" && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS))
}

// isFull recognises a full disk, or a file as long as this user's files may become (setrlimit(2)),
// in an error of the system, of SQLite, and of a program that was run.
func isFull(err error) bool {
	return (sqlite.Driver{}).IsFull(err) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.Is(err, syscall.EFBIG) || strings.Contains(err.Error(), syscall.ENOSPC.Error())
}

// The result codes of a SQLite file that is damaged, or none at all
// (https://www.sqlite.org/rescode.html).
const sqliteCorrupt, sqliteNotDatabase = 11, 26

// checkRegister reports a register in a SQLite file that cannot be written or read, or whose schema
// is for later programs: every call of a function would end with that. The file may be a new one.
func checkRegister(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0) // SQLite does not say which file it was refused
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_ = file.Close() // nothing was written
	register, err := store.Open("sqlite:" + path)
	if err != nil {
		return err
	}
	defer func() { _ = register.Close() }() // it was only read
	c, err := register.Compatibility(ctx)
	if code, is := (sqlite.Driver{}).Code(err); is && (code == sqliteCorrupt || code == sqliteNotDatabase) {
		return bilingual.Errorf("%s cannot be read: %w\n"+
			"move it away, choose another folder with --dir, or begin without the orders of earlier runs with --fresh",
			"无法读取 %s：%w\n请移走该文件，或用 --dir 另选目录，或用 --fresh 清除此前的订单后重新开始", path, err)
	}
	if err == nil && c.Since > c.Program {
		return bilingual.Errorf("%s is a newer program's: %s\n"+
			"start that program, choose another folder with --dir, or begin without the orders of earlier runs with --fresh",
			"%s 由更新的程序写入：%s\n请启动更新的程序，或用 --dir 另选目录，或用 --fresh 清除此前的订单后重新开始", path, c.Fault())
	}
	return nil // an empty file, or one that migrating is to tell of
}
