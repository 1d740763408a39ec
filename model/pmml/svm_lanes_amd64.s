#include "textflag.h"

// Both functions: SI is the matrix, DI the beginning of x, DX out, R8 the
// number of fields, R9 the number of groups. Y0 … Y3 are the 16 sums of a
// group, Y4 is a field of x four times.

// func products16(matrix, x, out *float64, n, groups int)
TEXT ·products16(SB), NOSPLIT, $0-40
	MOVQ matrix+0(FP), SI
	MOVQ x+8(FP), DI
	MOVQ out+16(FP), DX
	MOVQ n+24(FP), R8
	MOVQ groups+32(FP), R9

productsGroup:
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3
	MOVQ   DI, BX
	MOVQ   R8, CX

productsField:
	VBROADCASTSD (BX), Y4
	VMULPD 0(SI), Y4, Y5
	VMULPD 32(SI), Y4, Y6
	VMULPD 64(SI), Y4, Y7
	VMULPD 96(SI), Y4, Y8
	VADDPD Y5, Y0, Y0
	VADDPD Y6, Y1, Y1
	VADDPD Y7, Y2, Y2
	VADDPD Y8, Y3, Y3
	ADDQ   $128, SI
	ADDQ   $8, BX
	DECQ   CX
	JNZ    productsField

	VMOVUPD Y0, 0(DX)
	VMOVUPD Y1, 32(DX)
	VMOVUPD Y2, 64(DX)
	VMOVUPD Y3, 96(DX)
	ADDQ    $128, DX
	DECQ    R9
	JNZ     productsGroup
	VZEROUPPER
	RET

// func squares16(matrix, x, out *float64, n, groups int)
TEXT ·squares16(SB), NOSPLIT, $0-40
	MOVQ matrix+0(FP), SI
	MOVQ x+8(FP), DI
	MOVQ out+16(FP), DX
	MOVQ n+24(FP), R8
	MOVQ groups+32(FP), R9

squaresGroup:
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3
	MOVQ   DI, BX
	MOVQ   R8, CX

squaresField:
	VBROADCASTSD (BX), Y4
	VSUBPD 0(SI), Y4, Y5
	VSUBPD 32(SI), Y4, Y6
	VSUBPD 64(SI), Y4, Y7
	VSUBPD 96(SI), Y4, Y8
	VMULPD Y5, Y5, Y5
	VMULPD Y6, Y6, Y6
	VMULPD Y7, Y7, Y7
	VMULPD Y8, Y8, Y8
	VADDPD Y5, Y0, Y0
	VADDPD Y6, Y1, Y1
	VADDPD Y7, Y2, Y2
	VADDPD Y8, Y3, Y3
	ADDQ   $128, SI
	ADDQ   $8, BX
	DECQ   CX
	JNZ    squaresField

	VMOVUPD Y0, 0(DX)
	VMOVUPD Y1, 32(DX)
	VMOVUPD Y2, 64(DX)
	VMOVUPD Y3, 96(DX)
	ADDQ    $128, DX
	DECQ    R9
	JNZ     squaresGroup
	VZEROUPPER
	RET
