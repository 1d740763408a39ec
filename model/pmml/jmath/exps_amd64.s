#include "textflag.h"

// func exps(x *float64, groups int, table *uint64, c *constants)
TEXT ·exps(SB), NOSPLIT, $0-32
	MOVQ x+0(FP), DI
	MOVQ groups+8(FP), CX
	MOVQ table+16(FP), SI
	MOVQ c+24(FP), DX

	VBROADCASTSD 0(DX), Y8   // 128/ln2
	VBROADCASTSD 8(DX), Y9   // the shift that rounds
	VBROADCASTSD 16(DX), Y10 // ln2/128, high part
	VBROADCASTSD 24(DX), Y11 // low part
	VBROADCASTSD 32(DX), Y12 // 1/2
	VBROADCASTSD 40(DX), Y13 // 1/6
	VBROADCASTSD 48(DX), Y14 // 1/24
	VBROADCASTSD 56(DX), Y15 // 1/120

loop:
	VMOVUPD (DI), Y0
	VMULPD  Y8, Y0, Y1
	VADDPD  Y9, Y1, Y1       // kd; its low bits are k
	VPSLLQ  $57, Y1, Y2
	VPSRLQ  $56, Y2, Y2      // 2 × (k mod 128): the place in the table
	VPSRLQ  $7, Y1, Y3
	VPSLLQ  $52, Y3, Y3      // k/128 as an exponent
	VSUBPD  Y9, Y1, Y1
	VMULPD  Y10, Y1, Y4
	VSUBPD  Y4, Y0, Y0
	VMULPD  Y11, Y1, Y4
	VSUBPD  Y4, Y0, Y0       // r

	VPCMPEQQ    Y7, Y7, Y7
	VGATHERQPD  Y7, 0(SI)(Y2*8), Y4
	VPADDQ      Y3, Y4, Y4   // scale
	VPCMPEQQ    Y7, Y7, Y7
	VGATHERQPD  Y7, 8(SI)(Y2*8), Y5 // tail

	VADDPD Y0, Y5, Y5        // tail + r
	VMULPD Y0, Y0, Y1        // r²
	VMULPD Y13, Y0, Y6
	VADDPD Y6, Y12, Y6
	VMULPD Y6, Y1, Y6
	VADDPD Y6, Y5, Y5        // + r² (1/2 + r/6)
	VMULPD Y1, Y1, Y1
	VMULPD Y15, Y0, Y6
	VADDPD Y6, Y14, Y6
	VMULPD Y6, Y1, Y6
	VADDPD Y6, Y5, Y5        // + r⁴ (1/24 + r/120)
	VMULPD Y5, Y4, Y5
	VADDPD Y5, Y4, Y4        // scale + scale × p
	VMOVUPD Y4, (DI)
	ADDQ   $32, DI
	DECQ   CX
	JNZ    loop
	VZEROUPPER
	RET
