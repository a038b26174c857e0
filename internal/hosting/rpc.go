package hosting

import (
	"bufio"
	"encoding/gob"
	"io"
	"reflect"
	"sync"
)

// The wire of net/rpc: a stream of gobs each way. A call is an rpcRequest and its argument; an
// answer is an rpcResponse and its result, or an empty struct beside an Error. Answers come in any
// order and are told apart by Seq. Gob matches fields by name, so these are net/rpc's Request and
// Response.
//
// It is our own because net/rpc would make the binaries a sixth larger: its debugging page links
// html/template, which finds methods by name, so that the linker can drop no method of any type.
type (
	rpcRequest struct {
		ServiceMethod string
		Seq           uint64
	}
	rpcResponse struct {
		ServiceMethod string
		Seq           uint64
		Error         string
	}
)

// rpcMethod decodes its argument before it returns; call then computes the result.
type rpcMethod func(decode func(argument any) error) (call func() (result any), err error)

// rpcServer answers calls by the names of their methods.
type rpcServer map[string]rpcMethod

// serve answers the calls of one connection, each in a goroutine of its own, until the connection
// ends. It closes the connection when all are answered.
func (s rpcServer) serve(conn io.ReadWriteCloser) {
	defer func() { _ = conn.Close() }() // the platform has closed its end, or sent no gob
	in, out := gob.NewDecoder(conn), newRPCReplies(conn)
	var calls sync.WaitGroup
	defer calls.Wait()
	for {
		var head rpcRequest
		if in.Decode(&head) != nil {
			return
		}
		method, known := s[head.ServiceMethod]
		if !known {
			if in.DecodeValue(reflect.Value{}) != nil { // skip its argument
				return
			}
			out.send(rpcResponse{head.ServiceMethod, head.Seq, "rpc: can't find method " + head.ServiceMethod}, struct{}{})
			continue
		}
		call, err := method(in.Decode)
		if err != nil {
			out.send(rpcResponse{head.ServiceMethod, head.Seq, err.Error()}, struct{}{})
			continue
		}
		calls.Go(func() { out.send(rpcResponse{head.ServiceMethod, head.Seq, ""}, call()) })
	}
}

// rpcReplies writes the answers of concurrent calls to one connection, one at a time.
type rpcReplies struct {
	mu     sync.Mutex
	conn   io.Closer
	buffer *bufio.Writer
	out    *gob.Encoder
}

func newRPCReplies(conn io.WriteCloser) *rpcReplies {
	buffer := bufio.NewWriter(conn)
	return &rpcReplies{conn: conn, buffer: buffer, out: gob.NewEncoder(buffer)}
}

// send writes an answer. A failed write closes the connection: after half an answer, the platform
// could read none of those that follow.
func (r *rpcReplies) send(head rpcResponse, result any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out.Encode(head) != nil || r.out.Encode(result) != nil || r.buffer.Flush() != nil {
		_ = r.conn.Close()
	}
}

// unary is the method that answers a call of one argument.
func unary[Argument, Result any](answer func(*Argument, *Result)) rpcMethod {
	return func(decode func(any) error) (func() any, error) {
		argument := new(Argument)
		if err := decode(argument); err != nil {
			return nil, err
		}
		return func() any {
			result := new(Result)
			answer(argument, result)
			return result
		}, nil
	}
}
