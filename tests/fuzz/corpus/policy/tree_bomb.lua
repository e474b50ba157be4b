local m=Always() for i=1,40 do m=m*m end
